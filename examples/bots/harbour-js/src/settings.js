// What the environment says; read once at the start.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The file in $CREDENTIALS_DIRECTORY, as systemd's `LoadCredential=discord_token:…` puts it there. */
const CREDENTIAL = 'discord_token';
const NAMES = ['DISCORD_TOKEN', 'DISCORD_API', 'HOST', 'PORT', 'LOG_LEVEL', 'GIT_SHA', 'SHUTDOWN_SECONDS'];
const LEVELS = ['debug', 'info', 'warning', 'error'];

/** A variable is missing or malformed; the message is one line that says which, and what to do. */
export class BadSettings extends Error {}

/**
 * @typedef {object} Settings
 * @property {string} token
 * @property {string | undefined} api Base of another API than Discord's, without the version.
 * @property {string} host
 * @property {number} port 0 for any that is free; the log says which.
 * @property {string} logLevel
 * @property {string} commit
 * @property {number} patience Seconds that commands under way get when the bot is told to stop.
 */

/**
 * Takes the settings from environment variables.
 * @param {Record<string, string | undefined>} environment
 * @returns {Settings}
 * @throws {BadSettings}
 */
export function readSettings(environment) {
  const empty = NAMES.find((name) => environment[name] === '');
  if (empty) throw new BadSettings(`${empty} is set but empty; give it a value, or unset it`);
  const logLevel = (environment.LOG_LEVEL ?? 'info').toLowerCase();
  if (!LEVELS.includes(logLevel)) throw new BadSettings(`LOG_LEVEL is none of ${LEVELS.join(', ')}`);
  return {
    token: token(environment),
    api: api(environment),
    host: environment.HOST ?? '127.0.0.1',
    port: number(environment, 'PORT', 8080, 65535),
    logLevel,
    commit: environment.GIT_SHA ?? 'unknown',
    patience: number(environment, 'SHUTDOWN_SECONDS', 10, 600),
  };
}

function token(environment) {
  let source = 'DISCORD_TOKEN';
  let found = environment.DISCORD_TOKEN;
  const folder = environment.CREDENTIALS_DIRECTORY;
  if (found === undefined && folder) {
    source = join(folder, CREDENTIAL);
    try {
      found = readFileSync(source, 'utf8').trim();
    } catch (error) {
      if (error.code !== 'ENOENT') throw new BadSettings(`${source} cannot be read (${error.code}); check who owns it`);
    }
  }
  if (found === undefined) {
    const where = `put the bot's token there, or in the file ${CREDENTIAL} of $CREDENTIALS_DIRECTORY`;
    throw new BadSettings(`DISCORD_TOKEN is missing; ${where}`);
  }
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(found)) {
    throw new BadSettings(`${source} holds no bot token; copy it from the Developer Portal, without quotes or \`Bot\``);
  }
  return found;
}

function api(environment) {
  const address = environment.DISCORD_API;
  if (address === undefined) return undefined;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username) {
    throw new BadSettings('DISCORD_API is no URL of an API, such as http://127.0.0.1:8081/api');
  }
  if (url.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname)) {
    throw new BadSettings('DISCORD_API would send the token unencrypted; use https, or a loopback address');
  }
  return address.replace(/(\/v\d+)?\/*$/, '');
}

function number(environment, name, fallback, most) {
  const text = environment[name] ?? String(fallback);
  if (!/^\d{1,6}$/.test(text) || Number(text) > most) {
    throw new BadSettings(`${name} is no whole number from 0 to ${most}`);
  }
  return Number(text);
}
