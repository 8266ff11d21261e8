'use strict';
// Points an unchanged bot on Node.js at DISCORD_API, such as http://127.0.0.1:8080/api, instead of Discord.
//
//   DISCORD_API=http://127.0.0.1:8080/api NODE_OPTIONS=--require=/path/to/discord.cjs npm start
//
// It works below every library (discord.js, @discordjs/rest, Eris, Oceanic, …), whatever loads it: TLS connections to
// Discord's API and gateway become connections to the double. All other hosts are left alone, and without DISCORD_API
// everything is.

const HOSTS = /^(?:(?:canary\.|ptb\.)?discord(?:app)?\.com|gateway[\w-]*\.discord\.gg)$/;

function target(text) {
  if (!text) return null;
  let url;
  try {
    url = new URL(text);
  } catch {
    url = { protocol: '' };
  }
  if (!/^https?:$/.test(url.protocol) || url.pathname.replace(/\/$/, '') !== '/api') {
    process.stderr.write(`botswain: DISCORD_API must be a URL that ends in /api, not ${text}; not used\n`);
    return null;
  }
  return url;
}

// What callers may ask of a TLS socket.
function disguised(socket) {
  socket.encrypted = true;
  socket.authorized = true;
  socket.alpnProtocol = false;
  socket.getPeerCertificate = () => ({});
  socket.getSession = () => undefined;
  socket.isSessionReused = () => false;
  socket.setSession = () => {};
  socket.once('connect', () => socket.emit('secureConnect'));
  return socket;
}

function options(args) {
  const [first, second] = args;
  if (first !== null && typeof first === 'object') return first;
  const more = args.find((one) => one !== null && typeof one === 'object') || {};
  return { ...more, port: first, host: typeof second === 'string' ? second : more.host };
}

function install(api) {
  const tls = require('node:tls');
  const net = require('node:net');
  const http = require('node:http');
  const { connect } = tls;
  const plain = net.connect;
  const port = Number(api.port) || (api.protocol === 'https:' ? 443 : 80);
  const host = api.hostname.replace(/^\[|\]$/g, '');
  tls.connect = function (...args) {
    const wanted = options(args);
    if (!HOSTS.test(wanted.servername || wanted.host || '')) return connect.apply(this, args);
    const done = args.find((one) => typeof one === 'function');
    if (api.protocol === 'https:') {
      const servername = net.isIP(host) ? '' : host;
      return connect.call(this, { ...wanted, socket: undefined, host, port, servername }, ...(done ? [done] : []));
    }
    const socket = disguised(plain({ host, port }));
    if (done) socket.once('secureConnect', done);
    return socket;
  };
  // A double may call its gateway by the name that it was asked under, without TLS.
  net.connect = function (...args) {
    if (!HOSTS.test(options(args).host || '')) return plain.apply(this, args);
    return plain.call(this, { host, port }, ...args.filter((one) => typeof one === 'function'));
  };
  net.createConnection = net.connect;
  http.Agent.prototype.createConnection = net.connect;
  require('node:module').syncBuiltinESMExports();
}

const api = target(process.env.DISCORD_API);
if (api) install(api);
