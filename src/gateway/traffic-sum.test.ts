import test from 'ava';
import fc from 'fast-check';
import { instant, ManualClock, millis, type PodRoute } from '../core/index.ts';
import { newWorkloadCounters } from './counters.ts';
import { trafficOf, TrafficSum } from './traffic-sum.ts';

test('whichever revisions and workloads go, the sums have every request and every byte once', async (t) => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('request' as const), workload: fc.nat(2), revision: fc.nat(3) }),
    fc.record({ kind: fc.constant('rollout' as const), workload: fc.nat(2), revision: fc.nat(3) }),
    fc.record({ kind: fc.constant('gone' as const), workload: fc.nat(2) }),
    fc.constant({ kind: 'time' as const }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const clock = new ManualClock(instant(0));
      const fresh = (index: number) => newWorkloadCounters(`x/w${index}` as never, clock);
      const there = [0, 1, 2].map(fresh);
      const gone = new TrafficSum();
      let requests = 0;
      for (const each of steps) {
        const counters = each.kind === 'time' ? undefined : there[each.workload]!;
        if (each.kind === 'request') {
          const figures = counters!.revisions.of(String(each.revision));
          figures.requests.set(200, (figures.requests.get(200) ?? 0) + 1);
          figures.took(5, 5);
          figures.responseBytes += 3;
          counters!.pokes += 1;
          requests += 1;
        } else if (each.kind === 'rollout') counters!.revisions.see([{ revision: String(each.revision) } as PodRoute]);
        else if (each.kind === 'gone') {
          gone.addCounts(counters!);
          there[each.workload] = fresh(each.workload);
        } else void clock.advance(millis(400_000));
        const sum = await trafficOf(there, gone);
        const [all] = sum.revisions;
        t.deepEqual([all?.requests.get(200) ?? 0, all?.durationSeconds.count, all?.responseBytes, sum.pokes], [requests, requests, 3 * requests, requests]);
      }
    }),
  );
});
