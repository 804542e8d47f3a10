import test from 'ava';
import { createAuthority } from '../../certificates/index.ts';
import { systemClock } from '../../core/index.ts';
import { rehearsePlacement } from './placement-rehearsal.ts';

const never = new AbortController().signal;
const serving = async (): Promise<{ readonly certificatePem: string; readonly keyPem: string }> => {
  const authority = await createAuthority({ commonName: 'test', clock: systemClock, validDays: 1 });
  return authority.issue({ commonName: 'rehearsal', dnsNames: ['localhost'], validDays: 1 });
};

test('calls of either verb are rehearsed, of pods that are placed and of others', async (t) => {
  const { answers } = await rehearsePlacement(await serving(), systemClock, never);
  for (const verb of ['filter', 'prioritize'] as const) {
    const { 'not-ours': others = 0, scored = 0, 'over-budget': late = 0, ...rest } = Object.fromEntries(answers.get(verb) ?? []);
    t.true(others > 0);
    t.true(scored + late > 0);
    t.deepEqual(rest, {});
  }
});

test('a controller that is told to end does not rehearse', async (t) => {
  const { answers } = await rehearsePlacement(await serving(), systemClock, AbortSignal.abort());
  t.is(answers.get('filter')?.size, 0);
});
