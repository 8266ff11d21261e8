// A command in the menu of a user.
import { ApplicationCommandType, ContextMenuCommandBuilder, MessageFlags, TimestampStyles, time } from 'discord.js';

import { localized, say } from '../texts.js';

const DAY = 86_400_000;

export const data = localized(new ContextMenuCommandBuilder().setName('Papers').setType(ApplicationCommandType.User));

/** Answers with how long the account has existed, which its id tells. */
export async function execute(interaction) {
  const user = interaction.targetUser;
  const content = say(interaction.locale, 'papers', {
    user: `${user}`,
    date: time(user.createdAt, TimestampStyles.LongDate),
    days: Math.floor((Date.now() - user.createdTimestamp) / DAY),
  });
  await interaction.reply({ content, flags: MessageFlags.Ephemeral });
}
