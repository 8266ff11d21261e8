// A command without options.
import { MessageFlags, SlashCommandBuilder } from 'discord.js';

import { localized, say } from '../texts.js';

export const data = localized(
  new SlashCommandBuilder().setName('ping').setDescription('Is the bot awake, and how far away is Discord?'),
);

/** Answers with the heartbeat's latency, which is unknown for the first minute. */
export async function execute(interaction) {
  const { ping } = interaction.client.ws;
  const text = ping < 0 ? 'ping early' : 'ping';
  const content = say(interaction.locale, text, { ms: Math.round(ping) });
  await interaction.reply({ content, flags: MessageFlags.Ephemeral });
}
