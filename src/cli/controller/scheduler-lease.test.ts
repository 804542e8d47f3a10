import test from 'ava';
import { instant, ManualClock, seconds } from '../../core/index.ts';
import type { LeaseView, Snapshot, SnapshotEvent } from '../../kube/index.ts';
import { signOfLife } from './scheduler-lease.ts';

test('a second scheduler is alive while its Lease changes, not because there is one', async (t) => {
  const clock = new ManualClock(instant(0));
  let tell: (event: SnapshotEvent<LeaseView>) => void = () => undefined;
  const leases: Pick<Snapshot<LeaseView>, 'subscribe'> = {
    subscribe: (listener) => {
      tell = listener;
      return () => undefined;
    },
  };
  const isAlive = signOfLife(leases, clock);
  let previous: LeaseView | undefined;
  const seen = (holder: string, renewTime: string): void => {
    const value = { holder, renewTime };
    tell({ type: 'set', key: 'rouse-system/rouse-scheduler', value, previous });
    previous = value;
  };
  t.false(isAlive());
  seen('a', '2026-01-05T12:00:00.000000Z');
  t.false(isAlive(), 'it may be what a dead one has left');
  seen('a', '2026-01-05T12:00:02.000000Z');
  t.true(isAlive());
  await clock.advance(seconds(19));
  t.true(isAlive());
  await clock.advance(seconds(2));
  t.false(isAlive(), 'not renewed for 20 s');
  seen('b', '2026-01-05T12:00:30.000000Z');
  t.true(isAlive(), 'its other replica leads');
  seen('', '2026-01-05T12:00:31.000000Z');
  t.false(isAlive(), 'given up');
  seen('a', '2026-01-05T12:00:33.000000Z');
  t.true(isAlive());
  if (previous !== undefined) tell({ type: 'delete', key: 'rouse-system/rouse-scheduler', previous });
  t.false(isAlive());
});
