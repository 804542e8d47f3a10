import { contestants, type ContestantName } from '../../src/cli/simulate/contestant.ts';
import { parseManifests } from '../../src/cli/manifests.ts';
import { builtInLoad, builtInLoads } from '../../src/cli/simulate/loads.ts';
import { sceneOf } from '../../src/cli/simulate/read-scene.ts';
import { run as play } from '../../src/cli/simulate/run.ts';
import { table } from './statistics.ts';

/** Requests at once in a pod: with few of them the room that is kept for more makes the difference. */
const pods = [10, 2];

/** Room for a great many held requests: what is compared is how long they wait, not how many are refused. */
const manifestOf = (requests: number): string => `
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  annotations:
    rouse.dev/target: '${requests}'
    rouse.dev/container-concurrency: '${requests}'
    rouse.dev/hold-queue-depth: '100000'
    rouse.dev/hold-timeout: 300s
spec: { replicas: 1, template: {} }
`;
const seeds = [1, 2, 3];
const flags = { startTime: '2s..8s', serviceTime: '500ms' };

interface Result {
  readonly mean: number;
  readonly p99: number;
  readonly spare: number;
  readonly changes: number;
}

/** The mean over all seeds. */
const result = async (requests: number, load: string, name: ContestantName): Promise<Result> => {
  const sum = { mean: 0, p99: 0, spare: 0, changes: 0 };
  for (const seed of seeds) {
    const made = builtInLoad(load, seed);
    if (made === undefined) throw new Error(`no load ${load}`);
    const { wait, spareSeconds, changes, fates } = await play(
      await sceneOf(parseManifests(manifestOf(requests), 'quality'), 'quality', made, { ...flags, seed }),
      name,
    );
    if (fates.refused > 0) throw new Error(`${load} (${requests}): ${name} refused ${fates.refused} requests, which says nothing of their wait`);
    sum.mean += wait.mean / seeds.length;
    sum.p99 += wait.p99 / seeds.length;
    sum.spare += spareSeconds / seeds.length;
    sum.changes += changes / seeds.length;
  }
  return sum;
};

const percent = (ours: number, theirs: number): string =>
  theirs === 0 ? (ours === 0 ? '0 %' : '–') : `${ours >= theirs ? '+' : '−'}${Math.abs((ours / theirs - 1) * 100).toFixed(0)} %`;

/** Where rouse is behind kpa by more than this in the mean or the 99th percentile of the wait, it is behind. */
const margin = 1.05;

const compare = async (requests: number): Promise<void> => {
  const rows: (readonly (string | number)[])[] = [];
  const verdicts = { behind: [] as string[], ahead: [] as string[] };
  for (const load of builtInLoads) {
    const results = new Map<ContestantName, Result>();
    for (const name of contestants) results.set(name, await result(requests, load, name));
    for (const [name, { mean, p99, spare, changes }] of results) rows.push([load, name, mean, p99, spare, changes]);
    const [rouse, kpa] = [results.get('rouse'), results.get('kpa')];
    if (rouse === undefined || kpa === undefined) continue;
    for (const [what, ours, theirs] of [
      ['mean', rouse.mean, kpa.mean],
      ['p99', rouse.p99, kpa.p99],
    ] as const)
      if (ours > theirs * margin) verdicts.behind.push(`${load} (${what} ${percent(ours, theirs)})`);
    if (rouse.spare < kpa.spare || rouse.changes < kpa.changes)
      verdicts.ahead.push(`${load} (pod-seconds ${percent(rouse.spare, kpa.spare)}, changes ${percent(rouse.changes, kpa.changes)})`);
  }
  console.log(
    `\npods of ${requests} requests at once, ready after ${flags.startTime} (log-normal), ${flags.serviceTime} a request (exponential), the mean of seeds ${seeds.join(', ')}\n`,
  );
  console.log(table(['load', 'policy', 'mean wait, ms', 'p99 wait, ms', 'spare pod-seconds', 'changes'], rows));
  console.log(`\nrouse behind kpa in wait by more than 5 %: ${verdicts.behind.length === 0 ? 'nowhere' : verdicts.behind.join('; ')}`);
  console.log(`rouse ahead of kpa in spare pod-seconds or changes: on ${verdicts.ahead.length} of ${builtInLoads.length}: ${verdicts.ahead.join('; ')}`);
};

/** Both policies and the HPA model under every built-in load, the same requests for each. The same numbers on each machine. */
export const run = async (): Promise<void> => {
  for (const requests of pods) await compare(requests);
};
