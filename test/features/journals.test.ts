import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { replayFiles } from '../../src/cli/replay.ts';
import { TraceReader } from '../../src/scaler/index.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import type { RouseProcess } from '../support/rouse-process.ts';
import { startSeparateProcesses, type SeparateProcesses } from '../support/separate-processes.ts';
import { followSlices, type SliceClient } from '../support/slice-client.ts';
import { until } from '../support/until.ts';

/** Where other addresses can be bound, one that no other test uses. */
const gatewayAddress = process.platform === 'linux' ? '127.0.0.6' : '127.0.0.1';

let rouse: SeparateProcesses;
let leader: RouseProcess;
let standby: RouseProcess;
let web: SliceClient;
let directory: string;
test.before(async () => {
  [rouse, directory] = await Promise.all([startSeparateProcesses(), mkdtemp(join(tmpdir(), 'rouse-journals-'))]);
  leader = await rouse.startController(0);
  [standby] = await Promise.all([rouse.startController(1), rouse.startGateway(gatewayAddress), rouse.leads(leader)]);
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

interface Tick {
  readonly at: number;
  readonly to: number;
  readonly poked: boolean;
}

const traceOf = async (controller: RouseProcess): Promise<string> => {
  const [, metrics = ''] = await controller.line(/^ready: .*metrics=(\S+)/);
  return (await fetch(new URL('/workloads/default/web/trace', metrics))).text();
};

const ticksOf = (trace: string): readonly Tick[] => {
  const reader = new TraceReader();
  return trace
    .trimEnd()
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const read = reader.read(line);
      if (!read.ok) throw new Error(read.problem);
      return read.value === undefined ? [] : [{ at: read.value.decision.at, to: read.value.decision.to, poked: read.value.poked }];
    });
};

const tick = 2000;
/** A report, a watch event and a tick that was late may lie between what the two saw. */
const slack = 1500;

test('a standby computes the numbers of the leader from the same reports, and after a kill -9 goes on from them without a change', async (t) => {
  const load = startLoad(t, 5, () => web.get('/sleep?ms=500'));
  await until('two pods', async () => (await rouse.countOf('web')).replicas === 2);
  const settledAt = Date.now();
  await until('some ticks of both after that', async () => {
    const traces = await Promise.all([traceOf(leader), traceOf(standby)]);
    return traces.every((trace) => ticksOf(trace).filter(({ at }) => at > settledAt + tick + slack).length >= 3);
  });
  const [ofLeader, ofStandby] = await Promise.all([traceOf(leader), traceOf(standby)]);
  const before = await rouse.countOf('web');

  const decided = ticksOf(ofLeader);
  const shadow = ticksOf(ofStandby).filter(({ at }) => at >= (decided[0]?.at ?? 0) && at <= (decided.at(-1)?.at ?? 0));
  t.true(shadow.length >= 4, ofStandby);
  for (const { at, to } of shadow) {
    // The ticks of the two lie up to a period apart: what the standby says, the leader said at the tick before or after.
    const around = decided.filter((other) => Math.abs(other.at - at) <= tick + slack);
    t.true(
      around.some((other) => other.to === to),
      `${to} at ${at}: ${JSON.stringify(around)}`,
    );
  }
  const steady = [decided, shadow].map((ticks) => new Set(ticks.filter(({ at }) => at > settledAt + tick + slack).map(({ to }) => to)));
  t.deepEqual(steady, [new Set([2]), new Set([2])], 'under a constant load both say the same at each tick');

  await leader.stop('SIGKILL');
  await rouse.leads(standby);
  const ledAt = Date.now();
  await until('ticks of the new leader', async () => ticksOf(await traceOf(standby)).filter(({ at }) => at > ledAt).length >= 2);
  t.deepEqual(await rouse.countOf('web'), before, 'nobody has touched the count');
  const failed = (await load.stop()).filter(({ status }) => status !== 200);
  t.deepEqual(failed, []);

  const ofNewLeader = await traceOf(standby);
  const files = await Promise.all(
    [ofLeader, ofStandby, ofNewLeader].map(async (trace, index) => {
      const path = join(directory, `${String(index)}.jsonl`);
      await writeFile(path, trace);
      return path;
    }),
  );
  const lines: string[] = [];
  t.is(await replayFiles(files, (line) => lines.push(line)), 0);
  t.regex(lines.join('\n'), /^3 cases, \d+ ticks, 0 mismatches$/);
});
