// The life of the process: connect, stay connected, and stop in good order.
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

import { DiscordjsErrorCodes, Events } from 'discord.js';

import { makeClient } from './bot.js';
import { log } from './log.js';
import { Vitals } from './vitals.js';
import { startWeb } from './web.js';

/** Exit code (EX_CONFIG): the environment is incomplete or malformed; starting again would not help. */
export const BAD_SETTINGS = 78;
/** Exit code (EX_NOPERM): Discord refuses this bot; starting again would not help, and use up sessions. */
export const NOT_ALLOWED = 77;
/** Exit code: something else, such as a port in use; starting again may help. */
export const FAILED = 1;
/** Close codes of the gateway after which connecting again is of no use, and what to do. */
const HOPELESS = {
  4004: 'Discord refuses the token; make a new one in the Developer Portal',
  4010: 'Discord refuses the shard; this is a fault of the program',
  4011: "the bot is in too many servers for one shard; give the Client `shards: 'auto'`",
  4012: 'Discord no longer has this version of its gateway; update discord.js',
  4013: 'Discord does not know an intent; update discord.js',
  4014: 'an intent is not allowed; switch it on in the Developer Portal, or do not ask for it',
};
/** Seconds; a session each time stays below the 1000 that Discord gives a bot each day. */
const LONGEST_PAUSE = 120;
/** Milliseconds after which a connection was a good one, so that the pauses begin again with the shortest. */
const LASTED = 300_000;
/** Milliseconds that Discord gets to answer a close. */
const GOODBYE = 3000;

/** Discord will not let this bot in; the message is one line that says why, and what to do. */
export class Hopeless extends Error {}

/**
 * Runs the bot until a signal or until it cannot go on; returns the exit code.
 * @param {import('./settings.js').Settings} settings
 */
export async function run(settings) {
  const vitals = new Vitals(settings.commit);
  const stop = new AbortController();
  listenToSignals(vitals, settings.patience, stop);
  let server;
  try {
    server = await startWeb(vitals, settings.host, settings.port);
  } catch (error) {
    const where = `${settings.host}:${settings.port}`;
    log.critical(`cannot listen on ${where} (${error.code}); set PORT to another, or stop what listens there`);
    return FAILED;
  }
  log.info('listening', { host: settings.host, port: server.address().port, commit: settings.commit });
  const stopLooking = vitals.measureLag();
  try {
    await stayConnected(settings, vitals, stop.signal);
    log.info('stopped');
    return 0;
  } catch (error) {
    if (!(error instanceof Hopeless)) throw error;
    log.critical(error.message);
    return NOT_ALLOWED;
  } finally {
    stopLooking();
    server.close();
    server.closeAllConnections();
  }
}

function listenToSignals(vitals, patience, stop) {
  const told = async (name) => {
    if (vitals.closing) {
      log.warning(`${name} again: ending at once`);
      process.exit(128 + constants.signals[name]);
    }
    vitals.closing = true;
    log.info(`${name}: taking no more commands`, { patience_seconds: patience });
    const left = await vitals.idle(patience);
    if (left.length) log.warning('commands did not end in time', { commands: left });
    stop.abort();
  };
  process.on('SIGTERM', told).on('SIGINT', told);
}

/**
 * Connects, again and again with growing pauses, until it is told to stop; rejects when that is hopeless.
 * @param {import('./settings.js').Settings} settings
 * @param {Vitals} vitals
 * @param {AbortSignal} signal
 */
export async function stayConnected(settings, vitals, signal) {
  let pause = 1;
  while (!signal.aborted) {
    const since = performance.now();
    let reason;
    try {
      await session(settings, vitals, signal);
      return;
    } catch (error) {
      if (error instanceof Hopeless) throw error;
      reason = `${error.name}: ${error.cause?.message || error.message || error.code}`;
    }
    if (performance.now() - since > LASTED) pause = 1;
    vitals.disconnected(`cannot connect: ${reason}`);
    log.warning('cannot connect', { reason, again_in_seconds: pause });
    await sleep(pause * 1000, undefined, { signal }).catch(() => {});
    pause = Math.min(2 * pause, LONGEST_PAUSE);
  }
}

/** One client from its login to the end, which is the signal; rejects when it cannot go on. */
async function session(settings, vitals, signal) {
  const client = makeClient(vitals, settings.api);
  try {
    await new Promise((resolve, reject) => {
      signal.addEventListener('abort', resolve, { once: true });
      client.on(Events.ShardDisconnect, ({ code }) => reject(closed(code)));
      client.on(Events.Invalidated, () => reject(new Error('Discord ended the session')));
      client.login(settings.token).catch(reject);
    });
  } catch (error) {
    throw error.code === DiscordjsErrorCodes.TokenInvalid ? new Hopeless(HOPELESS[4004]) : error;
  } finally {
    client.removeAllListeners(Events.ShardDisconnect);
    // The close is sent at once; a Discord that never answers it is not waited for.
    await Promise.race([client.destroy().catch(() => {}), sleep(GOODBYE)]);
  }
}

function closed(code) {
  return code in HOPELESS ? new Hopeless(HOPELESS[code]) : new Error(`Discord closed the connection with ${code}`);
}
