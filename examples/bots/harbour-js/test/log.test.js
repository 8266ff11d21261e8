// One JSON object a line, and never the token.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { line, startLog } from '../src/log.js';

test('a line has time, level, message, and what the call gives besides', () => {
  const { time, ...rest } = JSON.parse(line('warning', 'ahoy', { command: 'ping' }));
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { level: 'warning', message: 'ahoy', command: 'ping' });
});

test('an error has its trace and its cause, in one line all the same', () => {
  const text = line('error', 'oh', { error: new Error('outer\nline', { cause: new TypeError('inner') }) });
  assert(!text.includes('\n'));
  const { error } = JSON.parse(text);
  assert.match(error, /^Error: outer\nline\n\s+at /);
  assert.match(error, /caused by: TypeError: inner/);
});

test('the secret is nowhere', () => {
  startLog('info', 's3.cr.et');
  const text = line('info', 'is s3.cr.et', { url: '/s3.cr.et/', error: new Error('s3.cr.et') });
  startLog('info');
  assert(!text.includes('s3.cr.et'));
  assert.equal(JSON.parse(text).message, 'is [token]');
});
