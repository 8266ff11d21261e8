// Harbours as options of commands.
import { findHarbour, matchingHarbours } from './sea.js';
import { Rejected } from './texts.js';

/** Discord shows no more. */
const MOST = 25;

/** The harbour that a user named or chose. @throws {Rejected} */
export function knownHarbour(text) {
  const found = findHarbour(text);
  if (!found) throw new Rejected('harbour unknown', { name: text });
  return found;
}

/** Offers the harbours that fit what was typed so far. */
export async function completeHarbour(interaction) {
  const found = matchingHarbours(interaction.options.getFocused(), MOST);
  await interaction.respond(found.map(({ name, code }) => ({ name, value: code })));
}
