// A command that takes longer than the three seconds that Discord waits: acknowledged at once, answered later.
import { setTimeout as sleep } from 'node:timers/promises';

import { SlashCommandBuilder } from 'discord.js';

import { localized, say } from '../texts.js';

export const data = localized(
  new SlashCommandBuilder()
    .setName('drill')
    .setDescription('All hands to their stations: an answer that takes its time')
    .addStringOption((option) => option
      .setName('kind').setDescription('What to practise').setRequired(true)
      .addChoices(
        { name: 'Man overboard', value: 'overboard' },
        { name: 'Fire', value: 'fire' },
        { name: 'Abandon ship', value: 'abandon' },
      ))
    .addIntegerOption((option) => option
      .setName('seconds').setDescription('How long it takes; 3 if left out').setMinValue(1).setMaxValue(60)),
);

/** Waits as long as slow work would, without keeping others waiting. */
export async function execute(interaction) {
  const kind = interaction.options.getString('kind');
  const seconds = interaction.options.getInteger('seconds') ?? 3;
  await interaction.deferReply();
  await sleep(seconds * 1000);
  await interaction.editReply(say(interaction.locale, `drill ${kind}`, { seconds }));
}
