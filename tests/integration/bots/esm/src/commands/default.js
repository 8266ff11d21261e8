import { SlashCommandBuilder } from 'discord.js';

const name = await Promise.resolve('default');

export default { data: new SlashCommandBuilder().setName(name).setDescription('By default'), execute() {} };
