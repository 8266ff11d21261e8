// What a bot needs to know of the sea; nothing of Discord.
import { readFileSync } from 'node:fs';

const data = (name) => JSON.parse(readFileSync(new URL(`./data/${name}.json`, import.meta.url), 'utf8'));

/** Its mean radius in nautical miles. */
const EARTH = 3440.065;
const WATCHES = ['middle', 'morning', 'forenoon', 'afternoon'];
const SPELLING = data('spelling');

/**
 * A harbour by its UN/LOCODE; degrees, north and east positive.
 * @typedef {{ code: string, name: string, latitude: number, longitude: number }} Harbour
 */

/** @type {Harbour[]} */
export const HARBOURS = data('harbours');

/** As on a chart: `53°32′N 9°58′E`. @param {Harbour} harbour */
export function position({ latitude, longitude }) {
  return `${angle(latitude, 'N', 'S')} ${angle(longitude, 'E', 'W')}`;
}

function angle(degrees, positive, negative) {
  const minutes = Math.round(Math.abs(degrees) * 60);
  const rest = String(minutes % 60).padStart(2, '0');
  return `${Math.floor(minutes / 60)}°${rest}′${degrees >= 0 ? positive : negative}`;
}

/** Lower case without accents, to compare what people type. */
export function plain(text) {
  return text.trim().toUpperCase().toLowerCase().normalize('NFKD').replace(/\p{M}/gu, '');
}

/** A harbour by its code or name. */
export function findHarbour(text) {
  const wanted = plain(text);
  return HARBOURS.find(({ code, name }) => [plain(code), plain(name)].includes(wanted));
}

/** Harbours whose name or code has the text in it; those that begin with it come first. */
export function matchingHarbours(text, most) {
  const wanted = plain(text);
  const rank = ({ name }) => `${plain(name).startsWith(wanted) ? 0 : 1}${plain(name)}`;
  return HARBOURS.filter(({ code, name }) => plain(name).includes(wanted) || plain(code).includes(wanted))
    .sort((one, two) => (rank(one) < rank(two) ? -1 : 1))
    .slice(0, most);
}

const radians = (degrees) => (degrees * Math.PI) / 180;

/** Nautical miles along the great circle. */
export function distance(start, end) {
  const north = radians(start.latitude);
  const south = radians(end.latitude);
  const east = radians(end.longitude - start.longitude);
  const half = Math.sin((south - north) / 2) ** 2 + Math.cos(north) * Math.cos(south) * Math.sin(east / 2) ** 2;
  return 2 * EARTH * Math.asin(Math.sqrt(half));
}

/** The first heading along the great circle, in degrees from north, clockwise. */
export function bearing(start, end) {
  const north = radians(start.latitude);
  const south = radians(end.latitude);
  const east = radians(end.longitude - start.longitude);
  const across = Math.sin(east) * Math.cos(south);
  const along = Math.cos(north) * Math.sin(south) - Math.sin(north) * Math.cos(south) * Math.cos(east);
  return ((Math.atan2(across, along) * 180) / Math.PI + 360) % 360;
}

/** How long it takes: `2 d 3 h 20 min`. */
export function duration(miles, knots) {
  const minutes = Math.max(1, Math.round((miles / knots) * 60));
  const parts = [[Math.floor(minutes / 1440), 'd'], [Math.floor(minutes / 60) % 24, 'h'], [minutes % 60, 'min']];
  return parts.filter(([number]) => number).map((part) => part.join(' ')).join(' ');
}

/** How many bells were struck last: one more each half hour of a watch, up to eight. */
export function bells(hour, minute) {
  const halves = hour * 2 + Math.floor(minute / 30);
  // The last dog watch begins again, and ends with eight all the same.
  if (halves >= 37 && halves <= 39) return halves - 36;
  return halves % 8 || 8;
}

/** Bells are struck in pairs. */
export function strokes(number) {
  return [...Array(Math.floor(number / 2)).fill('🔔🔔'), ...Array(number % 2).fill('🔔')].join(' ');
}

/** The watch that is on deck, as the catalogue of texts knows it. */
export function watch(hour) {
  if (hour >= 20) return 'first';
  if (hour >= 16) return hour < 18 ? 'first dog' : 'last dog';
  return WATCHES[Math.floor(hour / 4)];
}

/** The text in the spelling alphabet, a word to a line; what has no word in it is left out. */
export function spelled(text, most = 100) {
  const lines = [];
  let letters = 0;
  for (const word of plain(text).toUpperCase().split(/\s+/)) {
    const names = [...word].map((letter) => SPELLING[letter]).filter(Boolean).slice(0, most - letters);
    letters += names.length;
    if (names.length) lines.push(names.join(' '));
  }
  return lines.join('\n') + (letters >= most ? '\n…' : '');
}
