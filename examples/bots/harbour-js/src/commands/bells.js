// A command with options that have bounds.
import { SlashCommandBuilder } from 'discord.js';

import * as sea from '../sea.js';
import { localized, say } from '../texts.js';

export const data = localized(
  new SlashCommandBuilder()
    .setName('bells')
    .setDescription("The ship's bells and the watch at a time of day")
    .addIntegerOption((option) => option
      .setName('hour').setDescription('0 to 23; now, in UTC, if left out').setMinValue(0).setMaxValue(23))
    .addIntegerOption((option) => option
      .setName('minute').setDescription('0 to 59').setMinValue(0).setMaxValue(59)),
);

const two = (number) => String(number).padStart(2, '0');

/** Answers with the bells that were struck last. */
export async function execute(interaction) {
  const now = new Date();
  const asked = interaction.options.getInteger('hour');
  const hour = asked ?? now.getUTCHours();
  const minute = interaction.options.getInteger('minute') ?? (asked === null ? now.getUTCMinutes() : 0);
  await interaction.reply(say(interaction.locale, 'bells', {
    time: `${two(hour)}:${two(minute)}`,
    strokes: sea.strokes(sea.bells(hour, minute)),
    watch: say(interaction.locale, `watch ${sea.watch(hour)}`),
  }));
}
