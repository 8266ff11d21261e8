import { SlashCommandBuilder, SlashCommandSubcommandBuilder } from 'discord.js';

const make = (name) => new SlashCommandBuilder().setName(name).setDescription(`Is ${name}`);

export const oneCommand = { data: make('one'), execute() {} };
export const twoCommand = { data: make('two').toJSON(), execute() {} };
export const sub = new SlashCommandSubcommandBuilder().setName('sub').setDescription('Is part of another');
export const choices = [{ name: 'A', value: 'a' }];
export const option = { type: 3, name: 'option', description: 'Is part of another' };
export const event = { name: 'ready', once: true, execute() {} };
