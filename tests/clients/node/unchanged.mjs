// A bot that knows nothing of the sandbox: it registers a command as its users do, logs in and answers.
// usage: node unchanged.mjs (DISCORD_TOKEN, GUILD, and METHOD: import or require)
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const load = process.env.METHOD === 'require' ? async (name) => require(name) : (name) => import(name);
const { Client, GatewayIntentBits, REST, Routes } = await load('discord.js');
const own = await load('@discordjs/rest');
const tell = (event, more = {}) => console.log(JSON.stringify({ event, ...more }));
const token = process.env.DISCORD_TOKEN;

const application = Buffer.from(token.split('.')[0], 'base64').toString();
for (const [Kind, name] of [[REST, 'one'], [own.REST, 'two']]) {
  const rest = new Kind({ version: '10' }).setToken(token);
  const body = [{ name, description: 'Answers' }];
  const made = await rest.put(Routes.applicationGuildCommands(application, process.env.GUILD), { body });
  tell('registered', { names: made.map((one) => one.name) });
}
const plain = await fetch('https://discord.com/api/v10/gateway');
tell('fetched', { status: plain.status });

const client = new Client({ intents: [GatewayIntentBits.Guilds] });
client.once('clientReady', () => tell('ready', { user: client.user.id }));
client.on('interactionCreate', (interaction) => interaction.reply(`did ${interaction.commandName}`));
await client.login(token);
