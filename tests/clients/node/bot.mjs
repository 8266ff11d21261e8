// discord.js as a running bot; prints a line of JSON for everything that happens to it.
// usage: node bot.mjs API_URL TOKEN
import { AttachmentBuilder, Client, Events, GatewayIntentBits, MessageFlags } from 'discord.js';

const [api, token] = process.argv.slice(2);
const tell = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const client = new Client({ intents: [GatewayIntentBits.Guilds], rest: { api } });

const commands = {
  plain: (interaction) => {
    const who = interaction.options.getUser('who') ?? interaction.user;
    return interaction.reply(`${interaction.options.getString('text')} ${who.username}`);
  },
  slow: async (interaction) => {
    await interaction.deferReply();
    await interaction.editReply('done');
  },
  secret: (interaction) => interaction.reply({ content: 'hush', flags: MessageFlags.Ephemeral }),
  more: async (interaction) => {
    await interaction.reply('one');
    const file = new AttachmentBuilder(Buffer.from('12345'), { name: 'two.txt' });
    await interaction.followUp({ content: 'two', files: [file] });
    await interaction.deleteReply();
  },
};

client.on(Events.ClientReady, () => {
  const guilds = client.guilds.cache.map((guild) => [guild.id, guild.channels.cache.map((one) => one.name)]);
  tell('ready', { user: client.user.id, guilds: Object.fromEntries(guilds) });
});
client.on(Events.ShardReady, () => tell('session'));
client.on(Events.ShardResume, () => tell('resumed'));
client.on(Events.ShardReconnecting, () => tell('disconnected'));
client.on(Events.ShardDisconnect, (event) => tell('refused', { where: 'gateway', code: event.code }));
client.on(Events.InteractionCreate, async (interaction) => {
  if (interaction.isAutocomplete()) {
    const typed = interaction.options.getFocused();
    await interaction.respond([{ name: `${typed}-a`, value: 'a' }]);
  } else if (interaction.isChatInputCommand()) {
    await commands[interaction.commandName](interaction);
  }
});

try {
  await client.login(token);
} catch (error) {
  tell('refused', { where: error.code === 'TokenInvalid' ? 'http' : 'gateway', message: error.message });
  process.exit(0);
}
