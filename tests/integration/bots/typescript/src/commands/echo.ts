import { SlashCommandBuilder } from 'discord.js';

export const data: SlashCommandBuilder = new SlashCommandBuilder().setName('echo').setDescription('Says it again');
export async function execute(): Promise<void> {}
