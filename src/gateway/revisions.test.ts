import test from 'ava';
import { instant, LatencySketch, ManualClock, millis, seconds, type PodRoute } from '../core/index.ts';
import { podAt } from '../../test/support/gateway-rig.ts';
import { durationSecondsBounds, RevisionFigures } from './revision-figures.ts';
import { Revisions } from './revisions.ts';

const podOf = (revision: string): PodRoute => podAt(1, { id: revision, revision });
const scene = (): { readonly clock: ManualClock; readonly revisions: Revisions; readonly shown: () => readonly string[] } => {
  const clock = new ManualClock(instant(0));
  const revisions = new Revisions(clock);
  return { clock, revisions, shown: () => [...revisions].map(({ revision }) => revision) };
};

test('a revision that was replaced is shown for five minutes more, then it is gone, and comes back with new figures', async (t) => {
  const { clock, revisions, shown } = scene();
  const old = revisions.of('old');
  revisions.of('new');
  revisions.see([podOf('old'), podOf('new')]);
  revisions.see([podOf('new')]);
  await clock.advance(seconds(299));
  t.deepEqual(shown(), ['', 'old', 'new']);
  await clock.advance(seconds(1));
  t.deepEqual(shown(), ['', 'new']);
  t.not(revisions.of('old'), old);
});

test('a workload at zero keeps the revision that it had last, so that its counters go on with the next wake', async (t) => {
  const { clock, revisions, shown } = scene();
  const last = revisions.of('last');
  revisions.see([podOf('last')]);
  revisions.see([]);
  await clock.advance(seconds(100_000));
  t.deepEqual(shown(), ['', 'last']);
  revisions.see([podOf('last')]);
  t.is(revisions.of('last'), last);
});

test('a revision that comes back in time was never gone', async (t) => {
  const { clock, revisions, shown } = scene();
  for (const name of ['a', 'b']) revisions.of(name);
  revisions.see([podOf('b')]);
  await clock.advance(seconds(200));
  revisions.see([podOf('a'), podOf('b')]);
  await clock.advance(seconds(200));
  revisions.see([podOf('b')]);
  await clock.advance(seconds(200));
  t.deepEqual(shown(), ['', 'a', 'b']);
});

test('a request that still runs keeps its revision, and is counted there', async (t) => {
  const { clock, revisions, shown } = scene();
  const old = revisions.of('old');
  revisions.of('new');
  old.given(clock.monotonic());
  revisions.see([podOf('new')]);
  await clock.advance(seconds(1000));
  t.deepEqual(shown(), ['', 'old', 'new']);
  old.left(clock.monotonic());
  t.deepEqual(shown(), ['', 'new']);
});

test('however often a workload is rolled out, no more than 20 revisions are kept', async (t) => {
  const { clock, revisions, shown } = scene();
  for (let index = 0; index < 100; index += 1) {
    revisions.of(`r${index}`);
    revisions.see([podOf(`r${index}`)]);
    await clock.advance(millis(10));
  }
  t.is(shown().length, 21);
  t.is(shown().at(-1), 'r99');
  t.false(shown().includes('r79'));
});

test('a duration is in the histogram by its bound, whole, and in the sketch of the interval by its time in a pod', (t) => {
  const figures = new RevisionFigures('r');
  const { durationSeconds } = figures;
  for (const ms of [0, 1, 1.001, 65_536, 65_537]) figures.took(ms, ms / 2);
  figures.took(3, undefined);
  t.deepEqual([durationSecondsBounds[0], durationSecondsBounds.at(-1)], [0.001, 65.536]);
  t.deepEqual([durationSeconds.counts[0], durationSeconds.counts[1], durationSeconds.counts[2]], [2, 1, 1]);
  t.deepEqual([durationSeconds.counts.at(-2), durationSeconds.counts.at(-1), durationSeconds.count], [1, 1, 6]);
  const latency = new LatencySketch();
  latency.merge(figures.report(0, 1000)?.latency ?? []);
  t.is(latency.count, 5);
  t.true(Math.abs((latency.quantile(0.9) ?? 0) - 32_768.5) < 0.05 * 32_768);
  t.is(figures.report(1000, 2000), undefined);
});
