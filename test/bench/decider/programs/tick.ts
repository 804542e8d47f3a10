import { getHeapStatistics } from 'node:v8';
import { deciderWorld, type Kind } from '../world.ts';

/** What a number of workloads cost, as JSON: argument 1 is the `Kind`, 2 the number of rounds that are measured. Run with --expose-gc. */
const [, , kindText = '', roundsText = ''] = process.argv;
const kind = JSON.parse(kindText) as Kind & { readonly leads: boolean };

const bytes = (): number => {
  for (let turn = 0; turn < 2; turn += 1) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external + getHeapStatistics().malloced_memory;
};

const world = await deciderWorld(kind, kind.leads);
const before = bytes();
await world.begin();
const rounds = [];
// The first compile.
const unmeasured = kind.workloads > 10_000 ? 1 : 2;
for (let round = 0; round < Number(roundsText) + unmeasured; round += 1) rounds.push(await world.round());
const after = bytes();
const parts = (['metrics', 'counters', 'journal'] as const).map((part) => {
  const from = bytes();
  world.forget[part]();
  return [part, (from - bytes()) / kind.workloads] as const;
});
console.log(JSON.stringify({ rounds: rounds.slice(unmeasured), bytes: (after - before) / kind.workloads, ...Object.fromEntries(parts) }));
process.exit(0);
