import type { SlashCommandBuilder } from 'discord.js';

export enum Kind { Quick = 'quick', Slow = 'slow' }

export interface Command {
  data: Pick<SlashCommandBuilder, 'name' | 'toJSON'>;
  execute(): Promise<void>;
}
