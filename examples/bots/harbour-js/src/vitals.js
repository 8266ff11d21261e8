// What the process knows of itself: whether the gateway is ready, what is under way, and the figures of both.
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** Bounds of the histogram; Discord drops a command that was not acknowledged after 3 seconds. */
const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 30, 60];

/** The version of package.json. */
export const VERSION = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;

/** Ready or not, and why not; what is under way; the metrics. */
export class Vitals {
  /** Why the gateway is not ready; undefined when it is. @type {string | undefined} */
  reason = 'not connected yet';
  /** Whether the bot was told to stop. */
  closing = false;
  /** Seconds between the last heartbeat and its answer. @type {() => number} */
  latency = () => NaN;
  registry = new Registry();
  #underWay = new Map();
  #waiting = [];

  constructor(commit = 'unknown') {
    this.commit = commit;
    const registers = [this.registry];
    const vitals = this;
    const gauge = (name, help, collect) => new Gauge({ name, help, registers, collect });
    const counter = (name, help, labelNames = []) => new Counter({ name, help, labelNames, registers });
    collectDefaultMetrics({ register: this.registry });
    new Gauge({
      name: 'discord_bot_build_info', help: 'Always 1; what runs here', labelNames: ['version', 'commit'], registers,
    }).set({ version: VERSION, commit }, 1);
    gauge('discord_gateway_ready', '1 when commands can arrive', function ready() {
      this.set(Number(vitals.ready));
    });
    gauge('discord_gateway_latency_seconds', 'Answer time of the last heartbeat', function latency() {
      this.set(vitals.latency());
    });
    gauge('discord_commands_under_way', 'Commands being answered right now', function underWay() {
      this.set(vitals.#underWay.size);
    });
    this.sessions = counter('discord_gateway_sessions_total', 'Sessions that were started');
    this.resumes = counter('discord_gateway_resumes_total', 'Sessions taken up again');
    this.disconnects = counter('discord_gateway_disconnects_total', 'Connections that were lost');
    this.commands = counter('discord_commands_total', 'Commands by how they ended', ['command', 'outcome']);
    this.durations = new Histogram({
      name: 'discord_command_duration_seconds',
      help: 'Time from the arrival of a command to its end',
      labelNames: ['command'],
      registers,
      buckets: SECONDS,
    });
    this.lag = gauge('event_loop_lag_seconds', 'How late the event loop was, at the last look');
  }

  /** Whether commands can arrive and are taken. */
  get ready() {
    return this.reason === undefined && !this.closing;
  }

  /** A session is ready. */
  connected({ resumed }) {
    (resumed ? this.resumes : this.sessions).inc();
    this.reason = undefined;
  }

  /** There is no session any more, or still none. */
  disconnected(reason) {
    if (this.reason === undefined) this.disconnects.inc();
    this.reason = reason;
  }

  /** A command arrived. */
  begin(interaction, command) {
    this.#underWay.set(interaction, { command, since: performance.now() });
  }

  /** A command ended: `ok`, `rejected` (the user can put it right), `unknown` or `error`. */
  end(interaction, outcome) {
    const known = this.#underWay.get(interaction);
    if (!known) return;
    this.#underWay.delete(interaction);
    this.commands.inc({ command: known.command, outcome });
    this.durations.observe({ command: known.command }, (performance.now() - known.since) / 1000);
    if (this.#underWay.size === 0) this.#waiting.splice(0).forEach((resolve) => resolve());
  }

  /** Waits until nothing is under way; returns what still is after so many seconds. */
  async idle(seconds) {
    if (this.#underWay.size > 0) {
      let timer;
      await new Promise((resolve) => {
        this.#waiting.push(resolve);
        timer = setTimeout(resolve, seconds * 1000);
      });
      clearTimeout(timer);
    }
    return [...this.#underWay.values()].map(({ command }) => command).sort();
  }

  /** Looks for ever how late the event loop is; returns what stops it. */
  measureLag(every = 1000) {
    let due = performance.now() + every;
    const timer = setInterval(() => {
      const now = performance.now();
      this.lag.set(Math.max(0, now - due) / 1000);
      due = now + every;
    }, every);
    return () => clearInterval(timer);
  }
}
