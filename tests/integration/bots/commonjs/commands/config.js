const { SlashCommandBuilder } = require('discord.js');

module.exports = {
  ownerOnly: true,
  renamed_from: 'settings',
  data: new SlashCommandBuilder()
    .setName('config')
    .setDescription('Settings')
    .setDefaultMemberPermissions('0')
    .addSubcommand((sub) => sub.setName('show').setDescription('Shows them').addBooleanOption((option) =>
      option.setName('all').setDescription('All of them')))
    .addSubcommandGroup((group) => group.setName('value').setDescription('One of them').addSubcommand((sub) =>
      sub.setName('set').setDescription('Sets it').addStringOption((option) =>
        option.setName('key').setDescription('Which').setAutocomplete(true).setRequired(true)))),
  subcommands: { async show() {}, async set() {} },
};
