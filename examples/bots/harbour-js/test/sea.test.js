// What the bot knows of the sea.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import * as sea from '../src/sea.js';

const near = (value, expected, by) => assert(Math.abs(value - expected) <= by, `${value} is not near ${expected}`);

test('eight bells end a watch, and the dog watches have an order of their own', () => {
  for (const [hour, minute, number, watch] of [
    [0, 0, 8, 'middle'], [0, 29, 8, 'middle'], [0, 30, 1, 'middle'], [4, 0, 8, 'morning'], [11, 59, 7, 'forenoon'],
    [13, 0, 2, 'afternoon'], [16, 30, 1, 'first dog'], [18, 0, 4, 'last dog'], [18, 30, 1, 'last dog'],
    [19, 30, 3, 'last dog'], [20, 0, 8, 'first'], [23, 59, 7, 'first'],
  ]) assert.deepEqual([sea.bells(hour, minute), sea.watch(hour)], [number, watch], `${hour}:${minute}`);
});

test('strokes come in pairs', () => {
  assert.equal(sea.strokes(3), '🔔🔔 🔔');
  assert.equal(sea.strokes(8), '🔔🔔 🔔🔔 🔔🔔 🔔🔔');
});

test('positions are degrees and minutes with the hemisphere', () => {
  assert.equal(sea.position(sea.findHarbour('DEHAM')), '53°32′N 9°58′E');
  assert.equal(sea.position(sea.findHarbour('CLVAP')), '33°02′S 71°38′W');
});

test('distances and headings are what nautical almanacs say, to a hundredth', () => {
  const [newYork, lisbon, auckland, valparaiso] = ['New York', 'Lisbon', 'Auckland', 'Valparaíso'].map(sea.findHarbour);
  near(sea.distance(lisbon, newYork), 2925, 29);
  near(sea.distance(newYork, lisbon), sea.distance(lisbon, newYork), 0.001);
  near(sea.distance(auckland, valparaiso), 5213, 52); // over the date line
  near(sea.bearing(lisbon, newYork), 295, 2);
  const back = sea.bearing(valparaiso, auckland);
  assert(back >= 0 && back < 360, `${back}`);
});

test('durations are days, hours and minutes, none of them zero', () => {
  assert.equal(sea.duration(1530, 12.5), '5 d 2 h 24 min');
  assert.equal(sea.duration(60, 60), '1 h');
  assert.equal(sea.duration(0.1, 60), '1 min');
});

test('harbours are found as people type them', () => {
  for (const text of [' reykjavik ', 'ISREY', 'isrey']) assert.equal(sea.findHarbour(text)?.code, 'ISREY');
  assert.equal(sea.findHarbour('Atlantis'), undefined);
  assert.deepEqual(sea.matchingHarbours('ham', 25).map(({ name }) => name), ['Hamburg', 'Southampton', 'Yokohama']);
  assert.equal(sea.matchingHarbours('', 25).length, 25);
});

test('spelling is letters and digits, a word to a line, and not without end', () => {
  assert.equal(sea.spelled('Ahoi 3é!'), 'Alfa Hotel Oscar India\nThree Echo');
  assert.equal(sea.spelled('…!?'), '');
  assert.equal(sea.spelled('a'.repeat(500), 3), 'Alfa Alfa Alfa\n…');
});
