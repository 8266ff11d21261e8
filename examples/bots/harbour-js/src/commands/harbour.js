// A command whose option completes while it is typed.
import { SlashCommandBuilder } from 'discord.js';

import { completeHarbour, knownHarbour } from '../harbours.js';
import { position } from '../sea.js';
import { localized, say } from '../texts.js';

export const data = localized(
  new SlashCommandBuilder()
    .setName('harbour')
    .setDescription('Where a harbour is')
    .addStringOption((option) => option
      .setName('name').setDescription('Which harbour').setRequired(true).setAutocomplete(true)
      .setMinLength(1).setMaxLength(60)),
);

export const autocomplete = completeHarbour;

/** Answers with its position. */
export async function execute(interaction) {
  const found = knownHarbour(interaction.options.getString('name'));
  await interaction.reply(say(interaction.locale, 'harbour', { ...found, position: position(found) }));
}
