const { SlashCommandBuilder } = require('discord.js');

module.exports = new SlashCommandBuilder().setName('alone').setDescription('Nothing handles it');
