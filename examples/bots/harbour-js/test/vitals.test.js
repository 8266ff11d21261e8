// Readiness, what is under way, metrics, and the HTTP port that tells them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';

import { Vitals } from '../src/vitals.js';
import { startWeb } from '../src/web.js';

async function ask(vitals, path, options) {
  const server = await startWeb(vitals, '127.0.0.1', 0);
  try {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, options);
    return { status: answer.status, text: await answer.text() };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

async function figure(vitals, line) {
  const { text } = await ask(vitals, '/metrics');
  return Number(text.split('\n').find((one) => one.startsWith(`${line} `))?.split(' ').at(-1));
}

test('it is ready between a session and its end, and never once it is told to stop', async () => {
  const vitals = new Vitals('0123abc');
  const readiness = async () => {
    const { status, text } = await ask(vitals, '/readyz');
    return [status, JSON.parse(text)];
  };
  const not = (reason) => [503, { ready: false, reason, commit: '0123abc' }];
  assert.deepEqual(await readiness(), not('not connected yet'));
  vitals.connected({ resumed: false });
  assert.deepEqual(await readiness(), [200, { ready: true, commit: '0123abc' }]);
  assert.equal(await figure(vitals, 'discord_gateway_ready'), 1);
  vitals.disconnected('gone');
  assert.deepEqual(await readiness(), not('gone'));
  vitals.connected({ resumed: true });
  vitals.closing = true;
  assert.deepEqual(await readiness(), not('shutting down'));
  assert.equal(await figure(vitals, 'discord_gateway_ready'), 0);
});

test('health is about the process alone: restarting for more would make an outage worse', async () => {
  const vitals = new Vitals();
  vitals.closing = true;
  assert.equal((await ask(vitals, '/healthz')).status, 200);
  assert.equal((await ask(vitals, '/elsewhere')).status, 404);
  assert.equal((await ask(vitals, '/healthz', { method: 'POST' })).status, 405);
  assert.deepEqual(await ask(vitals, '/healthz?x=y', { method: 'HEAD' }), { status: 200, text: '' });
});

test('a loss counts once however often it is told, and a resumed session is no new one', async () => {
  const vitals = new Vitals();
  vitals.disconnected('no network');
  vitals.connected({ resumed: false });
  vitals.disconnected('lost');
  vitals.disconnected('still lost');
  vitals.connected({ resumed: true });
  for (const name of ['sessions', 'resumes', 'disconnects']) {
    assert.equal(await figure(vitals, `discord_gateway_${name}_total`), 1, name);
  }
});

test('commands are counted and timed by name and outcome', async () => {
  const vitals = new Vitals();
  vitals.begin('1', 'ping');
  vitals.begin('2', 'ping');
  assert.equal(await figure(vitals, 'discord_commands_under_way'), 2);
  vitals.end('1', 'ok');
  vitals.end('2', 'error');
  vitals.end('3', 'ok');
  assert.equal(await figure(vitals, 'discord_commands_total{command="ping",outcome="ok"}'), 1);
  assert.equal(await figure(vitals, 'discord_commands_total{command="ping",outcome="error"}'), 1);
  assert.equal(await figure(vitals, 'discord_command_duration_seconds_count{command="ping"}'), 2);
  assert.equal(await figure(vitals, 'discord_commands_under_way'), 0);
});

test('it waits for commands as long as the patience lasts, and no longer than needed', { timeout: 10_000 }, async () => {
  const vitals = new Vitals();
  assert.deepEqual(await vitals.idle(60), []);
  vitals.begin('1', 'drill');
  vitals.begin('2', 'ping');
  assert.deepEqual(await vitals.idle(0.01), ['drill', 'ping']);
  setTimeout(() => vitals.end('1', 'ok'), 10);
  setTimeout(() => vitals.end('2', 'ok'), 20);
  assert.deepEqual(await vitals.idle(60), []);
});

test('the build is a metric', async () => {
  assert.equal(await figure(new Vitals('0123abc'), 'discord_bot_build_info{version="1.0.0",commit="0123abc"}'), 1);
});

test('a held-up event loop shows in the figure', { timeout: 10_000 }, async () => {
  const vitals = new Vitals();
  const stop = vitals.measureLag(20);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  const lag = async () => (await vitals.lag.get()).values[0].value;
  while (await lag() === 0) await setImmediate();
  stop();
  assert(await lag() > 0.1);
});
