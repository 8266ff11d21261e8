// `node src/main.js` runs the bot until it is told to stop; the README lists its exit codes.
import { log, startLog } from './log.js';
import { BAD_SETTINGS, FAILED, run } from './run.js';
import { BadSettings, readSettings } from './settings.js';

process.on('uncaughtException', (error) => {
  log.critical(`uncaught ${error?.name ?? 'error'}: ${error?.message ?? error}`, { error });
  process.exit(FAILED);
});

async function main() {
  let settings;
  try {
    settings = readSettings(process.env);
  } catch (error) {
    if (!(error instanceof BadSettings)) throw error;
    log.critical(error.message);
    return BAD_SETTINGS;
  }
  startLog(settings.logLevel, settings.token);
  return run(settings);
}

process.exit(await main());
