// What is done around each command, with interactions as discord.js hands them over.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MessageFlags } from 'discord.js';

import { answer, makeClient } from '../src/bot.js';
import { startLog } from '../src/log.js';
import { Vitals } from '../src/vitals.js';

startLog('critical');

/** An interaction with `/harbour name:`, which remembers what was said. */
function interaction({ name = 'Kiel', ...more } = {}) {
  const said = [];
  return {
    id: '1', commandName: 'harbour', commandType: 1, locale: 'en-US', said,
    options: { getString: () => name, getFocused: () => name, getSubcommand: () => null },
    isAutocomplete: () => false,
    isCommand: () => true,
    reply: async (message) => said.push(['reply', message]),
    followUp: async (message) => said.push(['followUp', message]),
    respond: async (choices) => said.push(['respond', choices]),
    ...more,
  };
}

async function outcome(vitals) {
  const { values } = await vitals.commands.get();
  return values.map(({ labels, value }) => [labels.command, labels.outcome, value]);
}

async function run(given, prepare = () => {}) {
  const vitals = new Vitals();
  prepare(vitals);
  await answer(given, vitals);
  return { said: given.said, counted: await outcome(vitals) };
}

test('the bot asks for no intent: what is not asked for cannot be refused', () => {
  assert.equal(makeClient(new Vitals()).options.intents.bitfield, 0);
});

test('a command is answered and counted', async () => {
  const { said, counted } = await run(interaction());
  assert.deepEqual(said, [['reply', '**Kiel** (DEKEL) lies at 54°20′N 10°09′E.']]);
  assert.deepEqual(counted, [['harbour', 'ok', 1]]);
});

test('a wrong value is told to its user alone', async () => {
  const { said, counted } = await run(interaction({ name: 'Atlantis' }));
  assert.match(said[0][1].content, /“Atlantis” is not on my charts/);
  assert.equal(said[0][1].flags, MessageFlags.Ephemeral);
  assert.deepEqual(counted, [['harbour', 'rejected', 1]]);
});

test('an error is told in friendly words, after what was said before', async () => {
  const broken = () => {
    throw new Error('secret detail');
  };
  const { said, counted } = await run(interaction({ deferred: true, options: { getString: broken } }));
  assert.equal(said[0][0], 'followUp');
  assert.match(said[0][1].content, /A rope broke.*\(Error 1\)/);
  assert(!said[0][1].content.includes('secret'));
  assert.deepEqual(counted, [['harbour', 'error', 1]]);
});

test('a user who cannot be told is no further error', async () => {
  const { counted } = await run(interaction({ reply: async () => Promise.reject(new Error('Unknown interaction')) }));
  assert.deepEqual(counted, [['harbour', 'error', 1]]);
});

test('what is no command of ours is one figure', async () => {
  for (const given of [{ commandName: 'keelhaul' }, { commandName: 'constructor' }, { commandType: 2 }]) {
    const { said, counted } = await run(interaction(given));
    assert.match(said[0][1].content, /no longer aboard/);
    assert.deepEqual(counted, [['unknown', 'unknown', 1]]);
  }
});

test('a bot that is about to stop declines, and completes nothing', async () => {
  const closing = (vitals) => {
    vitals.closing = true;
  };
  const { said, counted } = await run(interaction(), closing);
  assert.match(said[0][1].content, /Casting off/);
  assert.deepEqual(counted, [['harbour', 'refused', 1]]);
  assert.deepEqual((await run(interaction({ isAutocomplete: () => true }), closing)).said, []);
});

test('an option is completed, and a failing completion is no error for anybody', async () => {
  const { said, counted } = await run(interaction({ name: 'valpara', isAutocomplete: () => true }));
  assert.deepEqual(said, [['respond', [{ name: 'Valparaíso', value: 'CLVAP' }]]]);
  assert.deepEqual(counted, []);
  await run(interaction({ isAutocomplete: () => true, respond: async () => Promise.reject(new Error('late')) }));
});
