// What a bot's own deploy script does: PUT all commands of a file with @discordjs/rest.
// usage: node put.mjs API_URL TOKEN APPLICATION_ID GUILD_ID FILE
import { readFileSync } from 'node:fs';
import { REST } from '@discordjs/rest';
import { Routes } from 'discord-api-types/v10';

const [api, token, application, guild, file] = process.argv.slice(2);
const rest = new REST({ api }).setToken(token);
const body = JSON.parse(readFileSync(file, 'utf8'));
const live = await rest.put(Routes.applicationGuildCommands(application, guild), { body });
if (live.length !== body.length) throw new Error(`${live.length} of ${body.length} commands are live`);
console.log(`Deployed ${live.length} commands.`);
