// The HTTP port: /healthz, /readyz and /metrics, for whoever watches over the bot.
import { createServer } from 'node:http';

import { VERSION } from './vitals.js';

const JSON_TYPE = 'application/json; charset=utf-8';

const pages = {
  // That this is answered at all says that the event loop turns.
  '/healthz': ({ commit }) => [200, JSON_TYPE, JSON.stringify({ ok: true, version: VERSION, commit })],
  '/readyz': ({ ready, closing, reason, commit }) => {
    if (ready) return [200, JSON_TYPE, JSON.stringify({ ready, commit })];
    return [503, JSON_TYPE, JSON.stringify({ ready, reason: closing ? 'shutting down' : reason, commit })];
  },
  '/metrics': async ({ registry }) => [200, registry.contentType, await registry.metrics()],
};

async function answer(vitals, { method, url }) {
  const page = pages[url.split('?')[0]];
  if (!page) return [404, JSON_TYPE, '{"error":"not found"}'];
  if (method !== 'GET' && method !== 'HEAD') return [405, JSON_TYPE, '{"error":"only GET"}'];
  return page(vitals);
}

/**
 * Serves until it is closed; rejects when it cannot listen.
 * @param {import('./vitals.js').Vitals} vitals
 * @param {string} host
 * @param {number} port
 * @returns {Promise<import('node:http').Server>}
 */
export function startWeb(vitals, host, port) {
  const server = createServer(async (request, response) => {
    const [status, type, text] = await answer(vitals, request);
    response.writeHead(status, { 'Content-Type': type }).end(request.method === 'HEAD' ? undefined : text);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, host, () => resolve(server));
  });
}
