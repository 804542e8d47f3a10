import test from 'ava';
import fc from 'fast-check';
import { workloadKey, type RouteSnapshot, type WorkloadRoute } from '../../../core/index.ts';
import { holdSlotsOf, shareOf, shareOfFile } from './share.ts';

const route = (holdQueueDepth: number, containerConcurrency?: number): WorkloadRoute => ({
  workload: workloadKey({ resource: 'deployments.apps', namespace: 'default', name: 'web' }),
  listeners: [],
  hosts: [],
  pods: [],
  wakeFailure: undefined,
  containerConcurrency,
  holdQueueDepth,
  holdTimeoutMs: 0,
  waitingPage: false,
  requestTimeoutMs: 0,
  responseStartTimeoutMs: 0,
  idleTimeoutMs: 0,
  ignoreRequests: [],
  sessionAffinity: 'none',
});
const snapshot = (only: WorkloadRoute): RouteSnapshot => ({ revision: 1, full: true, upsert: [only], remove: [] });

test('all workers together hold what a gateway may hold', (t) => {
  t.is(holdSlotsOf(4), 2500);
  t.is(shareOf(snapshot(route(1000)), { index: 0, workers: 4 }).upsert[0]?.holdQueueDepth, 250);
  t.is(shareOf(snapshot(route(1)), { index: 1, workers: 4 }).upsert[0]?.holdQueueDepth, 1);
});

test('the places of a pod in a routes file are divided into whole ones, and none is lost or made', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 64 }), fc.integer({ min: 0, max: 1000 }), (workers, more) => {
      const parts = Array.from(
        { length: workers },
        (_, index) => shareOfFile(snapshot(route(1, workers + more)), { index, workers }).upsert[0]?.containerConcurrency ?? 0,
      );
      return parts.every((part) => part >= 1) && parts.reduce((sum, part) => sum + part, 0) === workers + more;
    }),
  );
  t.is(shareOfFile(snapshot(route(1)), { index: 0, workers: 2 }).upsert[0]?.containerConcurrency, undefined);
});

test('fewer places than workers cannot be divided', (t) => {
  const error = t.throws(() => shareOfFile(snapshot(route(1, 1)), { index: 0, workers: 2 }));
  t.is(error.message, 'default/web: containerConcurrency 1 cannot be divided among --workers 2: want at least 2, 0 for no limit, or fewer workers');
});
