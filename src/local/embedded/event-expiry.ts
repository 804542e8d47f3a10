import { seconds, type Clock } from '../../core/index.ts';
import { textAt } from './json.ts';
import { findResource } from './registry.ts';
import type { ObjectStore } from './store/object-store.ts';
import type { Stored } from './store/stored.ts';

/** kube-apiserver's `--event-ttl`. */
const lifetime = seconds(3600);
const period = seconds(60);
/** Beyond this the oldest go first, whatever their age. */
const mostEvents = 5000;

const lastSeen = (event: Stored): number => {
  const times = [
    textAt(event, 'series', 'lastObservedTime'),
    textAt(event, 'lastTimestamp'),
    textAt(event, 'eventTime'),
    textAt(event, 'metadata', 'creationTimestamp'),
  ];
  return Math.max(...times.map((time) => (time === undefined ? 0 : Date.parse(time) || 0)));
};

/** Removes Events an hour after they were last seen, and the oldest of too many. Returns the way to stop. */
export const expireEvents = (store: ObjectStore, clock: Clock): (() => void) => {
  const events = findResource('', 'v1', 'events');
  if (events === undefined) return () => undefined;
  const timer = clock.every(period, () => {
    const byAge = store.list(events).toSorted((left, right) => lastSeen(left) - lastSeen(right));
    const tooMany = byAge.length - mostEvents;
    byAge.forEach((event, index) => {
      if (index < tooMany || clock.now() - lastSeen(event) > lifetime) store.remove(events, event);
    });
  });
  return () => {
    timer.cancel();
  };
};
