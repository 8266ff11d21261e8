const { PermissionFlagsBits, SlashCommandBuilder, ChannelType, InteractionContextType, ApplicationIntegrationType } = require('discord.js');

module.exports = {
  cooldown: 5,
  developmentOnly: true,
  data: new SlashCommandBuilder()
    .setName('ban')
    .setNameLocalizations({ de: 'bannen', 'pt-BR': 'banir', 'zh-CN': '封禁' })
    .setDescription('Make somebody walk the plank')
    .setDescriptionLocalizations({ de: 'Über die Planke schicken' })
    .setDefaultMemberPermissions(PermissionFlagsBits.BanMembers | PermissionFlagsBits.ManageMessages)
    .setContexts(InteractionContextType.Guild)
    .setIntegrationTypes(ApplicationIntegrationType.GuildInstall)
    .setNSFW(true)
    .addUserOption((option) => option.setName('user').setDescription('Whom').setRequired(true))
    .addIntegerOption((option) => option.setName('days').setDescription('How many').setMinValue(0).setMaxValue(7))
    .addNumberOption((option) => option.setName('weight').setDescription('How heavy').setMinValue(0.5).setMaxValue(1e12))
    .addStringOption((option) =>
      option.setName('reason').setDescription('Why').setMinLength(3).setMaxLength(512).addChoices(
        { name: 'Spam', value: 'spam', name_localizations: { de: 'Werbung' } },
        { name: 'Mutiny', value: 'mutiny' },
      ))
    .addChannelOption((option) =>
      option.setName('log').setDescription('Where to').addChannelTypes(ChannelType.GuildText, ChannelType.GuildForum)),
  async execute() {},
};
