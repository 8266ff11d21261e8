// Deploys commands as the discord.js guide does: builders, then REST. Prints what happened as JSON.
// usage: node sync.mjs API_URL TOKEN APPLICATION_ID GUILD_ID
import { ContextMenuCommandBuilder, DiscordAPIError, REST, Routes, SlashCommandBuilder } from 'discord.js';

const [api, token, application, guild] = process.argv.slice(2);
const rest = new REST({ api }).setToken(token);

const commands = [
  new SlashCommandBuilder()
    .setName('echo')
    .setDescription('Says it again')
    .setNameLocalizations({ de: 'echo-de' })
    .addStringOption((option) =>
      option.setName('text').setDescription('What to say').setRequired(true).setMaxLength(200))
    .addStringOption((option) =>
      option.setName('tone').setDescription('How').addChoices({ name: 'Loud', value: 'loud' })),
  new SlashCommandBuilder()
    .setName('admin')
    .setDescription('For moderators')
    .setDefaultMemberPermissions(8)
    .addSubcommandGroup((group) =>
      group.setName('user').setDescription('Users').addSubcommand((sub) =>
        sub.setName('ban').setDescription('Bans').addUserOption((option) =>
          option.setName('who').setDescription('Whom').setRequired(true)))),
  new ContextMenuCommandBuilder().setName('Report This').setType(3),
].map((builder) => builder.toJSON());

const route = Routes.applicationGuildCommands(application, guild);
const put = await rest.put(route, { body: commands });
const got = await rest.get(route, { query: new URLSearchParams({ with_localizations: 'true' }) });
const globally = await rest.put(Routes.applicationCommands(application), { body: commands.slice(0, 1) });

let error = null;
try {
  await rest.put(route, { body: [commands[0], { name: 'Bad Name', description: 'x'.repeat(101) }] });
} catch (caught) {
  const { name, message, code, status, rawError } = caught;
  error = { known: caught instanceof DiscordAPIError, name, message, code, status, errors: rawError?.errors };
}
console.log(JSON.stringify({ put, got, globally, error }));
