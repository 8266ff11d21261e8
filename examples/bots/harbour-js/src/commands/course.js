// A command with sub-commands.
import { SlashCommandBuilder } from 'discord.js';

import { completeHarbour, knownHarbour } from '../harbours.js';
import * as sea from '../sea.js';
import { Rejected, localized, say } from '../texts.js';

const harbourOption = (name, description) => (option) => option
  .setName(name).setDescription(description).setRequired(true).setAutocomplete(true).setMinLength(1).setMaxLength(60);

export const data = localized(
  new SlashCommandBuilder()
    .setName('course')
    .setDescription('Plan a voyage')
    .addSubcommand((sub) => sub
      .setName('distance').setDescription('How far it is from one harbour to another')
      .addStringOption(harbourOption('from', 'Where the voyage begins'))
      .addStringOption(harbourOption('to', 'Where it ends')))
    .addSubcommand((sub) => sub
      .setName('time').setDescription('How long a voyage takes')
      .addNumberOption((option) => option
        .setName('miles').setDescription('Nautical miles').setRequired(true).setMinValue(0.1).setMaxValue(25000))
      .addNumberOption((option) => option
        .setName('knots').setDescription('Speed through the water').setRequired(true).setMinValue(0.5).setMaxValue(60))),
);

export const autocomplete = completeHarbour;

export const subcommands = {
  /** Answers with the great circle, land or not. */
  async distance(interaction) {
    const here = knownHarbour(interaction.options.getString('from'));
    const there = knownHarbour(interaction.options.getString('to'));
    if (here === there) throw new Rejected('course none');
    await interaction.reply(say(interaction.locale, 'course distance', {
      from: here.name,
      to: there.name,
      miles: Math.round(sea.distance(here, there)),
      bearing: String(Math.round(sea.bearing(here, there)) % 360).padStart(3, '0'),
    }));
  },

  /** Answers with days, hours and minutes. */
  async time(interaction) {
    const miles = interaction.options.getNumber('miles');
    const knots = interaction.options.getNumber('knots');
    const values = { miles, knots, duration: sea.duration(miles, knots) };
    await interaction.reply(say(interaction.locale, 'course time', values));
  },
};
