// npm run fuzz [-- --seconds N] [--seed N] [--only NAME]: random edits of valid inputs against every edge.
import { parseArgs } from 'node:util';
import { messageOf, seededRandom } from '../../src/core/index.ts';
import { startGuard } from './guard.ts';
import { mutate, mutateJson } from './mutate.ts';
import type { FuzzTarget } from './target.ts';
import { targets } from './targets.ts';

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '10' }, seed: { type: 'string', default: String(process.pid) }, only: { type: 'string' } },
});
const seconds = Number(values.seconds);
/** No edge may be kept busy for so long by one input, on a busy machine either. */
const slowMs = 10_000;
/** What takes longer may never end: the run is given up. */
const hopelessMs = 30_000;
const guard = await startGuard(hopelessMs);
let failures = 0;

const fuzz = async (target: FuzzTarget): Promise<void> => {
  const random = seededRandom(Number(values.seed));
  const until = performance.now() + seconds * 1000;
  let inputs = 0;
  for (; performance.now() < until; inputs++) {
    const input = target.format === 'json' && random() < 0.5 ? mutateJson(random, target.corpus) : mutate(random, target.corpus);
    try {
      guard.begin(`${target.name}: FAILED after ${inputs} inputs (seed ${values.seed})`, input);
      const from = performance.now();
      await target.check(input);
      const took = performance.now() - from;
      if (took > slowMs) throw new Error(`it took ${Math.round(took)} ms`);
    } catch (failure) {
      failures++;
      console.log(`${target.name}: FAILED after ${inputs} inputs (seed ${values.seed}): ${messageOf(failure)}\n  input (base64): ${input.toString('base64')}`);
      return;
    } finally {
      guard.end();
    }
    if (inputs % 256 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  console.log(`${target.name}: ${inputs} inputs in ${seconds} s, nothing found (seed ${values.seed})`);
};

let ran = 0;
for (const make of targets) {
  const target = await make();
  if (values.only === undefined || values.only === target.name) {
    ran++;
    await fuzz(target);
  }
  guard.begin(`${target.name}: FAILED to close`, Buffer.alloc(0));
  await target.close?.();
  guard.end();
}
console.log(`${ran - failures} passed, ${failures} failed`);
process.exit(failures > 0 || ran === 0 ? 1 : 0);
