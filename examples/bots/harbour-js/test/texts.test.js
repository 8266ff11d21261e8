// The catalogues: nothing missing, nothing too much, nothing that Discord would refuse.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { commands } from '../src/commands/index.js';
import { LANGUAGES, say } from '../src/texts.js';

const catalogue = (language) => JSON.parse(readFileSync(new URL(`../src/locales/${language}.json`, import.meta.url)));
const values = (text) => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort();

/** Every command, sub-command, option and choice, with its place in the catalogues. */
function* parts(data, above = []) {
  const path = [...above, data.name];
  yield [path.join(' '), data];
  for (const option of data.options ?? []) yield* parts(option, path);
  for (const choice of data.choices ?? []) yield [`choice ${choice.value}`, choice];
}

test('every name and description is translated, as Discord takes it, and no text belongs to nothing', () => {
  assert.deepEqual(LANGUAGES, ['de', 'fr']);
  for (const language of LANGUAGES) {
    const known = catalogue(language).commands;
    const used = new Set();
    for (const [place, part] of commands.flatMap(({ data }) => [...parts(data)])) {
      used.add(place);
      const name = part.name_localizations[language];
      assert.equal(name, known[place].name);
      if (!part.description) continue;
      assert.match(name, /^[-_\p{L}\p{N}]{1,32}$/u);
      assert.equal(name, name.toLowerCase());
      assert.match(part.description_localizations[language], /^.{1,100}$/u);
    }
    assert.deepEqual([...used].sort(), Object.keys(known).sort());
  }
});

test('every reply is translated, with the same values as in English', () => {
  const shape = ({ replies }) => Object.fromEntries(Object.entries(replies).map(([key, text]) => [key, values(text)]));
  for (const language of LANGUAGES) assert.deepEqual(shape(catalogue(language)), shape(catalogue('en')));
});

test('a reply is in the language of the user, else in English', () => {
  assert.equal(say('de', 'course none'), 'Du bist schon da.');
  assert.equal(say('ja', 'course none'), 'You are there already.');
  assert.equal(say('toString', 'course none'), 'You are there already.');
  assert.equal(say('fr', 'ping', { ms: 12 }), 'Oui, réveillé. Discord est à 12 ms.');
});

test('commands are for servers that have the bot and for messages with it', () => {
  for (const { data } of commands) assert.deepEqual([data.contexts, data.integration_types], [[0, 1], [0]]);
});

test('every command has a handler', () => {
  for (const { data, execute, subcommands } of commands) {
    const subs = (data.options ?? []).filter(({ type }) => type === 1).map(({ name }) => name);
    if (subs.length) assert.deepEqual(Object.keys(subcommands).sort(), subs.sort());
    else assert.equal(typeof execute, 'function', data.name);
  }
});
