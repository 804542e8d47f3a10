import test from 'ava';
import { at } from '../../test/support/decision-inputs.ts';
import { millis, seconds } from '../core/index.ts';
import { noEntries, recordDelayed, type DelayEntry } from './delay-window.ts';

/** Counts recorded one after the other, each with its second. */
const recorded = (delay: number, ...samples: readonly (readonly [second: number, count: number])[]): readonly DelayEntry[] =>
  samples.reduce<readonly DelayEntry[]>((entries, [second, count]) => recordDelayed(entries, count, at(second), seconds(delay)), []);
const counts = (entries: readonly DelayEntry[]): readonly number[] => entries.map(({ count }) => count);

test('a window without length keeps nothing', (t) => {
  t.deepEqual(recorded(0, [0, 5], [2, 4]), []);
  t.deepEqual(recordDelayed([{ slot: 0, count: 9 }], 1, at(0), millis(-1)), []);
});

test('the maximum comes first, and what a later count reaches goes', (t) => {
  t.deepEqual(counts(recorded(60, [0, 5], [2, 9], [4, 4], [6, 7])), [9, 7]);
  t.deepEqual(counts(recorded(60, [0, 5], [2, 5])), [5], 'of equal counts the later one stays');
});

test('a count leaves with its slot, and a delay that is no whole number of slots is rounded up', (t) => {
  t.deepEqual(counts(recorded(4, [0, 9], [2, 1])), [9, 1]);
  t.deepEqual(counts(recorded(4, [0, 9], [4, 1])), [1]);
  t.deepEqual(counts(recorded(3, [0, 9], [3.9, 1])), [9, 1]);
  t.deepEqual(counts(recorded(3, [0, 9], [4, 1])), [1]);
});

test('two counts of one slot keep the larger, in one entry', (t) => {
  const larger = recorded(60, [0, 9], [1, 4]);
  t.deepEqual(counts(larger), [9]);
  t.deepEqual(counts(recorded(60, [0, 9], [2, 7], [3.5, 4])), [9, 7]);
  t.deepEqual(counts(recorded(60, [0, 4], [1, 9])), [9]);
});

test('an entry of this very slot counts, one from the future, after a clock that was set back, does not', (t) => {
  t.deepEqual(counts(recorded(60, [100, 9], [100.5, 1])), [9]);
  t.deepEqual(counts(recorded(60, [102, 9], [100, 1])), [1]);
});

test('a count of zero raises nothing and is not kept', (t) => {
  t.deepEqual(counts(recorded(60, [0, 9], [2, 0])), [9]);
  t.is(recorded(60, [0, 0], [2, 0]), noEntries, 'what all share that have none');
});

test('what changes nothing leaves the same list', (t) => {
  const once = recorded(60, [0, 9], [2, 4]);
  t.is(recordDelayed(once, 3, at(3), seconds(60)), once);
  t.deepEqual(counts(recordDelayed(recorded(60, [0, 9], [2, 4]), 3, at(3), seconds(2))), [4], 'nine has left');
});
