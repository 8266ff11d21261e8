// What the environment says, and what is told when it says nonsense.
import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { BadSettings, readSettings } from '../src/settings.js';

const TOKEN = 'MTExMTExMTExMTExMTExMTEx.made-up.to_ken';
const read = (variables = {}) => readSettings({ DISCORD_TOKEN: TOKEN, ...variables });
const refuses = (variables, message) => assert.throws(() => read(variables), (error) => {
  assert(error instanceof BadSettings);
  assert.match(error.message, message);
  return true;
});

test('a token is all that is needed, and the port is for this machine alone', () => {
  const expected = {
    token: TOKEN, api: undefined, host: '127.0.0.1', port: 8080, logLevel: 'info', commit: 'unknown', patience: 10,
  };
  assert.deepEqual(read(), expected);
});

test('each variable reaches its setting', () => {
  const { host, port, logLevel, commit, patience } = read({
    HOST: '::', PORT: '0', LOG_LEVEL: 'WARNING', GIT_SHA: '0123abc', SHUTDOWN_SECONDS: '25',
  });
  assert.deepEqual([host, port, logLevel, commit, patience], ['::', 0, 'warning', '0123abc', 25]);
});

test('the version and a slash at the end of an API do not matter', () => {
  assert.equal(read({ DISCORD_API: 'http://127.0.0.1:81/api' }).api, 'http://127.0.0.1:81/api');
  assert.equal(read({ DISCORD_API: 'http://[::1]/api/v10' }).api, 'http://[::1]/api');
  assert.equal(read({ DISCORD_API: 'https://discord.example/api/' }).api, 'https://discord.example/api');
});

test('an API that would leak the token, or is none, is refused', () => {
  for (const address of [
    'http://discord.example/api', 'http://127.0.0.1.example/', 'ftp://127.0.0.1/', '127.0.0.1:81', 'http://[', 'https://a:b@c/',
  ]) refuses({ DISCORD_API: address }, /^DISCORD_API /);
});

test('ports are whole numbers that a port can be', () => {
  for (const text of ['65536', '-1', '80 ', '0x50', 'http']) {
    refuses({ PORT: text }, /^PORT is no whole number from 0 to 65535$/);
  }
});

test('set but empty is no default, for that is how a secret gets lost', () => {
  for (const name of ['DISCORD_TOKEN', 'PORT', 'LOG_LEVEL', 'DISCORD_API']) {
    refuses({ [name]: '' }, new RegExp(`^${name} is set but empty`));
  }
});

test('a level that is none is refused', () => refuses({ LOG_LEVEL: 'loud' }, /^LOG_LEVEL is none of debug, info,/));

test('what is no token is refused before Discord sees it, and not told', () => {
  for (const token of [`Bot ${TOKEN}`, `"${TOKEN}"`, `${TOKEN}\n`, 'secret']) {
    assert.throws(() => read({ DISCORD_TOKEN: token }), (error) => {
      assert.match(error.message, /^DISCORD_TOKEN holds no bot token/);
      return !error.message.includes(token.trim());
    });
  }
});

test("systemd's credential stands in for the variable, which goes first", () => {
  const folder = { CREDENTIALS_DIRECTORY: mkdtempSync(join(tmpdir(), 'harbour-')) };
  assert.throws(() => readSettings(folder), /^Error: DISCORD_TOKEN is missing; .* discord_token of \$CREDENTIALS_DIRECTORY/);
  writeFileSync(join(folder.CREDENTIALS_DIRECTORY, 'discord_token'), `${TOKEN}\n`);
  assert.equal(readSettings(folder).token, TOKEN);
  assert.equal(readSettings({ ...folder, DISCORD_TOKEN: 'a.b.c' }).token, 'a.b.c');
  writeFileSync(join(folder.CREDENTIALS_DIRECTORY, 'discord_token'), '\n');
  assert.throws(() => readSettings(folder), /discord_token holds no bot token/);
});
