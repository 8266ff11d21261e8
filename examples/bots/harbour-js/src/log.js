// One JSON object a line on stdout: time, level, message, and whatever a call gives as context.
const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'];
let lowest = LEVELS.indexOf('info');
let hidden;

/**
 * Says what is logged from now on. The secret never appears.
 * @param {string} level
 * @param {string} [secret]
 */
export function startLog(level, secret) {
  lowest = LEVELS.indexOf(level);
  hidden = secret;
}

/**
 * A line of the log.
 * @param {string} level
 * @param {string} message
 * @param {Record<string, unknown>} [context]
 */
export function line(level, message, context = {}) {
  const object = { time: new Date().toISOString(), level, message, ...context };
  if (object.error) object.error = trace(object.error);
  const text = JSON.stringify(object);
  return hidden ? text.replaceAll(hidden, '[token]') : text;
}

function trace(error) {
  if (!(error instanceof Error)) return String(error);
  const own = error.stack ?? String(error);
  return error.cause ? `${own}\ncaused by: ${trace(error.cause)}` : own;
}

/** @type {Record<'debug' | 'info' | 'warning' | 'error' | 'critical', (message: string, context?: object) => void>} */
export const log = Object.fromEntries(
  LEVELS.map((level, index) => [
    level,
    (message, context) => {
      if (index >= lowest) process.stdout.write(`${line(level, message, context)}\n`);
    },
  ]),
);
