import { SlashCommandBuilder } from 'discord.js';
import { Kind, type Command } from '../kinds';

const ping: Command = {
  data: new SlashCommandBuilder()
    .setName('ping')
    .setDescription('Answers')
    .addStringOption((option) =>
      option.setName('kind').setDescription('How').addChoices(...Object.values(Kind).map((kind) => ({ name: kind, value: kind })))),
  async execute() {},
};

export default ping;
