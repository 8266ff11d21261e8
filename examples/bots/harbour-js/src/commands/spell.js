// A command in the menu of a message.
import { ApplicationCommandType, ContextMenuCommandBuilder, MessageFlags } from 'discord.js';

import { spelled } from '../sea.js';
import { Rejected, localized } from '../texts.js';

export const data = localized(
  new ContextMenuCommandBuilder().setName('Spell out').setType(ApplicationCommandType.Message),
);

/** Answers in the spelling alphabet; the text comes with the command, so no intent is needed to read it. */
export async function execute(interaction) {
  const content = spelled(interaction.targetMessage.content);
  if (!content) throw new Rejected('spell nothing');
  await interaction.reply({ content, flags: MessageFlags.Ephemeral });
}
