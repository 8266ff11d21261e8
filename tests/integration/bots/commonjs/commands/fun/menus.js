const { ApplicationCommandType, ContextMenuCommandBuilder } = require('discord.js');

const quote = new ContextMenuCommandBuilder().setName('Quote This').setType(ApplicationCommandType.Message);
const report = new ContextMenuCommandBuilder().setName('Report').setType(ApplicationCommandType.User)
  .setDefaultMemberPermissions(null);

module.exports = [{ data: quote, execute() {} }, { data: report, run() {} }];
