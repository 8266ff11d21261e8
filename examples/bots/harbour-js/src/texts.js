// What the bot says, in the language of whoever asked; `locales/*.json` hold the texts.
import { readFileSync, readdirSync } from 'node:fs';

import { ApplicationIntegrationType, InteractionContextType } from 'discord.js';

const FOLDER = new URL('./locales/', import.meta.url);
const ENGLISH = 'en';
const catalogues = Object.fromEntries(
  readdirSync(FOLDER).map((name) => [name.replace('.json', ''), JSON.parse(readFileSync(new URL(name, FOLDER), 'utf8'))]),
);

/** Discord's names of the languages beside English. */
export const LANGUAGES = Object.keys(catalogues).filter((language) => language !== ENGLISH).sort();

/** A reply in a user's language, or in English. */
export function say(locale, text, values = {}) {
  const { replies } = catalogues[Object.hasOwn(catalogues, locale) ? locale : ENGLISH];
  return replies[text].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** A command cannot do what the user asked for; the user is told this reply. */
export class Rejected extends Error {
  constructor(text, values) {
    super(text);
    this.text = text;
    this.values = values;
  }
}

/**
 * A command's definition with the catalogues' names and descriptions, for servers that have the bot and messages with it.
 * @param {import('discord.js').SlashCommandBuilder | import('discord.js').ContextMenuCommandBuilder} builder
 */
export function localized(builder) {
  builder.setContexts(InteractionContextType.Guild, InteractionContextType.BotDM);
  builder.setIntegrationTypes(ApplicationIntegrationType.GuildInstall);
  return translated(builder.toJSON(), []);
}

/** `above` is the path of the command or sub-command that something belongs to: `course`, `course distance from`. */
function translated(part, above) {
  const path = [...above, part.name];
  const result = { ...part, ...localizations(path.join(' '), part) };
  if (part.options) result.options = part.options.map((option) => translated(option, path));
  if (part.choices) {
    result.choices = part.choices.map((choice) => ({ ...choice, ...localizations(`choice ${choice.value}`, choice) }));
  }
  return result;
}

function localizations(place, part) {
  const result = {};
  for (const field of ['name', 'description']) {
    if (!part[field]) continue;
    const texts = LANGUAGES.map((language) => [language, catalogues[language].commands[place]?.[field]]);
    result[`${field}_localizations`] = Object.fromEntries(texts.filter(([, text]) => text));
  }
  return result;
}
