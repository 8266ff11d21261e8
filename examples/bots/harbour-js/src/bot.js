// The client: what it does around each command, and what it tells of the connection.
import { Client, Events, MessageFlags } from 'discord.js';

import { commands } from './commands/index.js';
import { log } from './log.js';
import { Rejected, say } from './texts.js';

const LOST = 'no connection, connecting again';
const byName = new Map(commands.map((command) => [command.data.name, command]));

/**
 * The bot. It needs no intent: commands arrive without one.
 * @param {import('./vitals.js').Vitals} vitals
 * @param {string} [api] Base of another API than Discord's, without the version.
 */
export function makeClient(vitals, api) {
  const client = new Client({ intents: [], allowedMentions: { parse: [] }, rest: api ? { api } : {} });
  client.on(Events.InteractionCreate, (interaction) => answer(interaction, vitals));
  client.on(Events.ShardReady, () => {
    vitals.latency = () => (client.ws.ping < 0 ? NaN : client.ws.ping / 1000);
    vitals.connected({ resumed: false });
    log.info('connected', { user: client.user?.tag, application: client.application?.id });
  });
  client.on(Events.ShardResume, () => {
    vitals.connected({ resumed: true });
    log.info('connected again, nothing was missed');
  });
  client.on(Events.ShardReconnecting, () => {
    if (vitals.reason !== LOST) log.warning(LOST);
    vitals.disconnected(LOST);
  });
  client.on(Events.ShardError, (error) => log.warning(`gateway: ${error.message}`));
  client.on(Events.Error, (error) => log.error(error.message, { error }));
  client.on(Events.Warn, (message) => log.warning(message));
  client.on(Events.Debug, (message) => log.debug(message));
  return client;
}

/** Answers a command or completes an option; never rejects. */
export async function answer(interaction, vitals) {
  if (interaction.isAutocomplete()) {
    if (!vitals.closing) await complete(interaction);
    return;
  }
  if (!interaction.isCommand()) return;
  const { name, execute } = find(interaction);
  if (vitals.closing) {
    vitals.commands.inc({ command: name, outcome: 'refused' });
    await tell(interaction, say(interaction.locale, 'closing'), { command: name });
    return;
  }
  vitals.begin(interaction.id, name);
  let outcome = 'ok';
  try {
    if (execute) await execute(interaction);
    else outcome = await unknown(interaction);
  } catch (error) {
    outcome = await failed(interaction, name, error);
  } finally {
    vitals.end(interaction.id, outcome);
  }
}

/** `course distance` and what answers it; a fixed word for what is no command of ours, so that metrics stay few. */
function find(interaction) {
  const command = byName.get(interaction.commandName);
  if (command?.data.type !== interaction.commandType) return { name: 'unknown' };
  if (!command.subcommands) return { name: interaction.commandName, execute: command.execute };
  const sub = interaction.options.getSubcommand(false);
  if (!Object.hasOwn(command.subcommands, sub)) return { name: 'unknown' };
  return { name: `${interaction.commandName} ${sub}`, execute: command.subcommands[sub] };
}

async function complete(interaction) {
  const command = interaction.commandName;
  try {
    await byName.get(command)?.autocomplete?.(interaction);
  } catch (error) {
    log.warning(`no completions: ${error.message}`, { command, error });
  }
}

async function unknown(interaction) {
  const command = interaction.commandName;
  log.warning(`there is no command ${command}; deploy the commands again`, { interaction: interaction.id });
  await tell(interaction, say(interaction.locale, 'command unknown'), { command });
  return 'unknown';
}

/** Tells the user in friendly words, and the log in full; returns the outcome. */
async function failed(interaction, command, error) {
  const about = { command, interaction: interaction.id };
  if (error instanceof Rejected) {
    await tell(interaction, say(interaction.locale, error.text, error.values), about);
    return 'rejected';
  }
  log.error(`a command failed: ${error?.message ?? error}`, { ...about, error });
  await tell(interaction, say(interaction.locale, 'failed', { id: interaction.id }), about);
  return 'error';
}

async function tell(interaction, content, about) {
  const message = { content, flags: MessageFlags.Ephemeral };
  try {
    if (interaction.deferred || interaction.replied) await interaction.followUp(message);
    else await interaction.reply(message);
  } catch (error) {
    log.warning(`the user could not be told: ${error.message}`, about);
  }
}
