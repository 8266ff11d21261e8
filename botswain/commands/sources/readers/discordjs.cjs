// Runs in the bot's node: loads its modules, and sends the commands that they export.
//
// usage: node discordjs.cjs REQUEST CHANNEL (numbers of open files; see botswain/commands/sources/child.py)
// The request names the repository, its modules, the loader for TypeScript and the fields of a command.
'use strict';

const dns = require('dns');
const fs = require('fs');
const Module = require('module');
const path = require('path');
const { pathToFileURL } = require('url');

const [requestFile, channel] = process.argv.slice(2).map(Number);
const { repo, files, loader, fields, modules } = JSON.parse(fs.readFileSync(requestFile, 'utf8'));
const shapes = require('./shapes.cjs');
const { hasHandler, hasMethod, isBuilder, isObject, isPartBuilder, isPlain, isRaw, looksMeant } = shapes;
const { stringify } = JSON;
const { writeSync } = fs;
const turn = () => new Promise((done) => immediately(done));
const immediately = setImmediate;
const bot = Module.createRequire(path.join(repo, 'package.json'));
process.argv.length = 2;

const LOADERS = ['tsx', 'ts-node', '@swc-node/register'];
const OWN = ['developmentOnly', 'development_only', 'ownerOnly', 'owner_only', 'renamed_from', 'renamedFrom'];
const DEPTH = 3;
let at = files[0];
let stripping = false;
let loading;

function send(event, rest, raw = '') {
  const text = stringify({ event, ...rest });
  let data = Buffer.from(`${text.slice(0, -1)}${raw}}\n`);
  while (data.length) {
    try {
      data = data.subarray(writeSync(channel, data));
    } catch (error) {
      if (error.code !== 'EAGAIN') throw error;
    }
  }
}

// Values as JSON: whole numbers of any size as they are, and what is not a number as text, so that it is refused.
function json(value, above = []) {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return stringify(String(value));
  if (value === null || typeof value !== 'object') return stringify(value);
  if (above.includes(value)) throw new TypeError('a value holds itself');
  const inside = [...above, value];
  if (typeof value.toJSON === 'function') return json(value.toJSON(), inside);
  if (Array.isArray(value)) return `[${value.map((item) => json(item, inside) ?? 'null').join()}]`;
  const parts = [];
  for (const key of Object.keys(value)) {
    const text = json(value[key], inside);
    if (text !== undefined) parts.push(`${stringify(key)}:${text}`);
  }
  return `{${parts.join()}}`;
}

const seen = new Set();
let lefts = [];

// Sends one command; `owner` is the exported object that it belongs to.
function emit(file, data, owner, handled) {
  seen.add(data);
  let place = '';
  try {
    if (typeof data.name === 'string') place = `/${data.name}`;
    const written = typeof data.toJSON === 'function' ? data.toJSON() : data;
    const own = {};
    for (const name of OWN) {
      const value = owner?.[name] ?? written[name];
      if (value !== undefined && value !== null && typeof value !== 'function') own[name] = value;
    }
    const known = Object.fromEntries(fields.filter((name) => written[name] !== undefined).map((name) => [name, written[name]]));
    const others = Object.keys(written).filter(
      (name) => !(name in known) && !OWN.includes(name) && !['function', 'undefined'].includes(typeof written[name]));
    send('command', { file, handled, others, exported: written === owner }, `,"data":${json(known)},"own":${json(own)}`);
  } catch (error) {
    send('problem', { file, place, ...told(error, file) });
  }
  return 1;
}

// Sends a command that is exported as it is, unless it only looks like one of discord.js.
function emitPlain(file, value, owner) {
  const own = shapes.ownShape(value);
  const left = own ? undefined : shapes.whyOfMessages(value);
  if (!own && !left) return emit(file, value, value, hasHandler(value) || hasHandler(owner));
  seen.add(value);
  send(own ? 'shape' : 'left', { file, place: `/${value.name}`, ...own, ...left });
  return 1;
}

// Sends the commands in what a module exports, and says how many there are. `sure`: a name and a description are enough.
async function collect(file, value, owner, sure, depth) {
  if (hasMethod(value, 'then')) value = await value;
  if (!isObject(value) && !(typeof value === 'function' && Object.hasOwn(value, 'data'))) return 0;
  if (seen.has(value)) return 1;
  if (isBuilder(value)) return emit(file, value, owner, hasHandler(owner));
  if (isPartBuilder(value)) return 0;
  if (value instanceof Map) value = [...value.values()];
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += await collect(file, item, item, true, depth + 1);
    return count;
  }
  if (typeof value.toJSON === 'function' && isRaw(value.toJSON(), sure, owner)) {
    return emit(file, value, value, hasHandler(value) || hasHandler(owner));
  }
  let data = value.data;
  if (hasMethod(data, 'then')) data = await data;
  for (const one of Array.isArray(data) ? data : [data]) {
    if (seen.has(one)) count += 1;
    else if (isObject(one) && !isPartBuilder(one) && (isBuilder(one) || looksMeant(one, value))) {
      count += emit(file, one, value, hasHandler(value));
    }
  }
  if (!count && isRaw(value, sure, owner)) return emitPlain(file, value, owner);
  if (depth >= DEPTH || !(isPlain(value) || value.__esModule)) return count;
  for (const key of Object.keys(value).sort((one, two) => (two === 'default') - (one === 'default'))) {
    if (key === 'data' || (Array.isArray(value[key]) && shapes.OPTION_LISTS.test(key))) continue;
    const found = await collect(file, value[key], value, ['default', 'module.exports'].includes(key), depth + 1);
    const left = found ? undefined : shapes.whyPassedOver(value[key], key);
    if (left) lefts.push({ file, ...left });
    count += found;
  }
  return count;
}

// An error as one line, with its place in the repository.
function told(error, file) {
  if (!isObject(error) || typeof error.message !== 'string') return { message: `throws ${String(error)}` };
  const missing = /^(?:Error: )?Cannot find (?:module|package) '([^']+)'/.exec(error.message)?.[1];
  let message = error.message;
  if (missing) message = `cannot find ${stringify(missing.startsWith(repo + path.sep) ? path.relative(repo, missing) : missing)}`;
  else if ('expected' in error || 'given' in error || error.name === 'ValidationError') message = refused(error);
  else if (error.name && !message.startsWith(error.name)) message = `${error.name}: ${message}`;
  const result = { message: message.replace(/\s+/g, ' ').trim().slice(0, 600) };
  if (missing && !/^[./]|^file:/.test(missing)) [result.missing] = /^(@[^/]+\/)?[^/]+/.exec(missing);
  if (loading && (error.code === 'ERR_UNKNOWN_FILE_EXTENSION' || /--loader\b|module\.register\b/.test(message))) {
    result.loader = loading;
    result.message = outdated(result.message);
  }
  if (stripping && !result.missing && (missing || error.code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX')) {
    result.message += "; node's own TypeScript support is strict, npm install --save-dev tsx if that is how the bot runs";
  }
  const frame = String(error.stack).split('\n').map((line) => /(?:^|[\s(])((?:file:\/\/)?\/.*?):(\d+)(?::\d+)?\)?$/.exec(line))
    .map((found) => found && [decodeURI(found[1].replace(/^file:\/\//, '').replace(/\?.*$/, '')), found[2]])
    .find((found) => found && found[0].startsWith(repo + path.sep) && !found[0].includes('/node_modules/'));
  if (frame) {
    const name = path.relative(repo, frame[0]);
    if (name === file) result.place = `line ${frame[1]}`;
    else result.message += ` (${name}, line ${frame[1]})`;
  }
  return result;
}

function refused(error) {
  // A regular expression tells nobody that names are in small letters.
  const expression = /\\p\{Ll\}/.test(error.expected || '');
  const plain = 'a name has small letters, digits, - and _ only';
  const rule = expression ? '' : typeof error.expected === 'string' ? ` (${error.expected})` : '';
  let given = '';
  try {
    given = error.given === undefined ? '' : `, not ${String(json(error.given)).slice(0, 80)}`;
  } catch { /* then it is not shown */ }
  return `the builder refuses it: ${expression ? plain : error.message}${rule}${given}`;
}

function isEsm(file) {
  if (/\.m[jt]s$/.test(file)) return true;
  if (/\.c[jt]s$/.test(file)) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    try {
      return JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8')).type === 'module';
    } catch (error) {
      if (error.code !== 'ENOENT' || folder === path.dirname(folder)) return false;
    }
  }
}

async function load(file) {
  if (!isEsm(file)) {
    try {
      return bot(file);
    } catch (error) {
      if (!['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'].includes(error?.code)) throw error;
    }
  }
  return import(pathToFileURL(file).href);
}

function resolved(name) {
  try {
    return bot.resolve(name);
  } catch {
    return undefined;
  }
}

function outdated(message) {
  return `${loading}, as it is installed, loads no TypeScript in node ${process.versions.node} (${message})`;
}

function unloadable(error) {
  return { message: outdated(told(error, '').message), loader: loading };
}

// Makes node load TypeScript as the bot does; else says what is missing.
async function prepare() {
  const name = loader ?? LOADERS.find(resolved);
  if (name && !resolved(name)) return `${name} is not installed in the bot's node_modules; npm install --save-dev ${name}`;
  loading = name;
  const register = (hooks) => Module.register?.(hooks, pathToFileURL(path.join(repo, 'package.json')).href);
  if (name === 'ts-node') {
    process.env.TS_NODE_TRANSPILE_ONLY ??= 'true';
    bot('ts-node').register();
    register('ts-node/esm');
  } else if (name === '@swc-node/register') {
    bot('@swc-node/register');
    register('@swc-node/register/esm');
  } else if (name) {
    const main = resolved(name);
    await import(pathToFileURL(main).href);
  } else if (!process.features.typescript) {
    return `node ${process.versions.node} cannot load TypeScript, and the bot has none of ${LOADERS.join(', ')};`
      + ' npm install --save-dev tsx, or point commands.folder at the compiled files';
  } else {
    stripping = true;
  }
  return undefined;
}

// What `import` does not find is looked for in the packages that were lent to the bot, as NODE_PATH does for `require`.
function borrow() {
  const lent = pathToFileURL(path.join(modules, 'none.js')).href;
  const hooks = `export async function resolve(name, context, next) {
    try {
      return await next(name, context);
    } catch (error) {
      if (error.code !== 'ERR_MODULE_NOT_FOUND' || /^[./]|^[a-z]+:/.test(name)) throw error;
      return next(name, { ...context, parentURL: ${stringify(lent)} }).catch(() => { throw error; });
    }
  }`;
  Module.register?.(`data:text/javascript,${encodeURIComponent(hooks)}`);
}

// Reading commands never reaches Discord, whatever a module starts when it is loaded.
function stayAway() {
  const lookup = dns.lookup;
  dns.lookup = function awayFromDiscord(host, ...rest) {
    if (!/(^|\.)discord(app)?\.(com|gg|net|media)$/i.test(host)) return lookup.call(this, host, ...rest);
    const error = new Error(`${host} is out of reach while commands are read; call Discord only when the bot runs`);
    return process.nextTick(rest[rest.length - 1], error);
  };
  try {
    bot('discord.js').Client.prototype.login = async () => '';
  } catch { /* a bot of builders alone, or one that is not installed: its modules will say so */ }
}

async function main() {
  const background = (error) => send('background', { file: at, ...told(error, at) });
  process.on('uncaughtException', background); // a rejection that nobody handles is one too
  process.on('beforeExit', () => send('idle'));
  send('at', { file: at });
  if (modules) borrow();
  stayAway();
  const lacking = files.some((file) => /\.[cm]?ts$/.test(file)) ? await prepare().catch(unloadable) : undefined;
  if (lacking) {
    const problem = typeof lacking === 'string' ? { message: lacking } : lacking;
    send('problem', { file: files.find((file) => /\.[cm]?ts$/.test(file)), ...problem });
    send('done');
    process.exit();
  }
  const loaded = [];
  for (const file of files) {
    at = file;
    send('at', { file });
    try {
      loaded.push([file, await load(path.join(repo, file))]);
    } catch (error) {
      send('problem', { file, ...told(error, file) });
    }
    await turn(); // what has failed in the background by now is this module's
  }
  // What an index file exports again belongs to the file that it comes from.
  const isIndex = ([file]) => /(^|\/)index\.\w+$/.test(file);
  for (const [file, exported] of [...loaded.filter((one) => !isIndex(one)), ...loaded.filter(isIndex)]) {
    at = file;
    send('at', { file });
    try {
      lefts = [];
      const count = await collect(file, exported, exported, true, 0);
      for (const one of lefts) send('left', one);
      if (!count && !lefts.length) send('left', { file, ...shapes.whyNone(exported) });
    } catch (error) {
      send('problem', { file, ...told(error, file) });
    }
  }
  send('done');
  process.exit();
}

main();
