import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import type { Decision } from '../../src/core/index.ts';
import { replayFiles } from '../../src/cli/replay/replay.ts';
import { TraceReader } from '../../src/scaler/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

let rouse: SeparateProcesses;
let leader: RouseProcess;
let standby: RouseProcess;
let web: SliceClient;
let directory: string;
test.before(async () => {
  [rouse, directory] = await Promise.all([startSeparateProcesses(), mkdtemp(join(tmpdir(), 'rouse-journals-'))]);
  await rouse.api('POST', '/api/v1/namespaces/rouse-system/configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'rouse-config', namespace: 'rouse-system' },
    data: { budget: '{pods: 4}' },
  });
  leader = await rouse.startController(0);
  [standby] = await Promise.all([rouse.startController(1), rouse.startGateway(0), rouse.leads(leader)]);
  const annotations = { ...onboarded, 'rouse.dev/target': '3', 'rouse.dev/target-utilization-percentage': '100', 'rouse.dev/max-scale': '3' };
  await rouse.api('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('web', { annotations }));
  await rouse.api('POST', '/api/v1/namespaces/default/services', service('web'));
  web = await followSlices(rouse.api, 'web');
  await until('web leads to the gateway', () => web.targets().length === 1);
});
test.after.always(async () => {
  await web.close();
  await rouse.close();
  await rm(directory, { recursive: true });
});

const traceOf = async (controller: RouseProcess, name = 'web'): Promise<string> => {
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  return (await fetch(new URL(`/workloads/default/${name}/trace`, metrics))).text();
};

const ticksOf = (trace: string): readonly Decision[] => {
  const reader = new TraceReader();
  return trace
    .trimEnd()
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const read = reader.read(line);
      if (!read.ok) throw new Error(read.problem);
      return read.value === undefined ? [] : [read.value.decision];
    });
};

/** What of the budget each tick says, from the first one after `at`. */
const sharesOf = (trace: string, at: number): ReadonlySet<string> =>
  new Set(ticksOf(trace).flatMap((tick) => (tick.at <= at ? [] : [`${tick.reason} ${JSON.stringify(tick.evidence.budget)}`])));

/** Ticks of the standby while the leader's are known. */
const shadowOf = (leader: readonly Decision[], standby: readonly Decision[]): readonly Decision[] =>
  standby.filter(({ at }) => at >= (leader[0]?.at ?? 0) && at <= (leader.at(-1)?.at ?? 0));

const tick = 2000;
/** A report, a watch event and a tick that was late may lie between what the two saw. */
const slack = 1500;

test('a standby computes the numbers of the leader, its shares of an exhausted budget too, and after a kill -9 goes on from them without a change', async (t) => {
  const load = startLoad(t, 5, () => web.get('/sleep?ms=500'));
  await until('two pods', async () => (await rouse.countOf('web')).replicas === 2);
  const greedy = { ...onboarded, 'rouse.dev/path': 'none', 'rouse.dev/min-scale': '9' };
  await rouse.api('POST', '/apis/apps/v1/namespaces/default/deployments', deployment('batch', { annotations: greedy }));
  await until('the other one has what the budget leaves', async () => (await rouse.countOf('batch')).replicas === 2);
  const settledAt = Date.now() + tick + slack;
  await until(
    'some ticks of both after that',
    async () => {
      const [ticks, shadow] = (await Promise.all([traceOf(leader), traceOf(standby)])).map(ticksOf) as [readonly Decision[], readonly Decision[]];
      return [ticks, shadow].every((seen) => seen.filter(({ at }) => at > settledAt).length >= 2) && shadowOf(ticks, shadow).length >= 4;
    },
    30_000,
  );
  const [ofLeader, ofStandby, batchOfLeader, batchOfStandby] = await Promise.all([
    traceOf(leader),
    traceOf(standby),
    traceOf(leader, 'batch'),
    traceOf(standby, 'batch'),
  ]);
  const counts = () => Promise.all([rouse.countOf('web'), rouse.countOf('batch')]);
  const before = await counts();

  const decided = ticksOf(ofLeader);
  const shadow = shadowOf(decided, ticksOf(ofStandby));
  t.true(shadow.length >= 4, ofStandby);
  for (const { at, to } of shadow) {
    // The ticks of the two lie up to a period apart: what the standby says, the leader said at the tick before or after. The first that is known of the
    // leader may be a change, and what it said before is where that begins.
    const around = decided.filter((other) => Math.abs(other.at - at) <= tick + slack);
    t.true(
      around.some((other) => other.to === to || (other === decided[0] && other.kind !== 'hold' && other.from === to)),
      `${to} at ${at}: ${JSON.stringify(around)}`,
    );
  }
  const steady = [decided, shadow].map((ticks) => new Set(ticks.filter(({ at }) => at > settledAt).map(({ to }) => to)));
  t.deepEqual(steady, [new Set([2]), new Set([2])], 'under a constant load both say the same at each tick');
  const shares = sharesOf(batchOfLeader, settledAt);
  t.regex([...shares].join(), /^budget {"limit":2,"share":2,"scope":"cluster","ceiling":4,"used":4,.*"wanted":9}$/);
  t.deepEqual(sharesOf(batchOfStandby, settledAt), shares);

  await leader.stop('SIGKILL');
  const deadSince = Date.now();
  await rouse.leaseRunsOut();
  await rouse.leads(standby);
  const ledAt = Date.now();
  await until('ticks of the new leader', async () => ticksOf(await traceOf(standby)).filter(({ at }) => at > ledAt).length >= 2);
  t.deepEqual(await counts(), before, 'nobody has touched the counts');
  const failed = (await load.stop()).filter(({ status }) => status !== 200);
  t.deepEqual(failed, []);

  const [ofNewLeader, batchOfNewLeader] = await Promise.all([traceOf(standby), traceOf(standby, 'batch')]);
  t.deepEqual(sharesOf(batchOfNewLeader, deadSince), shares);
  const files = await Promise.all(
    [ofLeader, ofStandby, ofNewLeader, batchOfNewLeader].map(async (trace, index) => {
      const path = join(directory, `${String(index)}.jsonl`);
      await writeFile(path, trace);
      return path;
    }),
  );
  const lines: string[] = [];
  t.is(await replayFiles(files, (line) => lines.push(line)), 0);
  t.regex(lines.join('\n'), /^4 cases, \d+ ticks, 0 mismatches$/);
});
