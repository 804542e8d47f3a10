import test from 'ava';
import { at, concurrencyOf, noConcurrency, observed, specWith, start } from '../../test/support/decision-inputs.ts';
import { parseSpec } from '../core/spec/index.ts';
import { pods } from '../core/index.ts';
import { decide, initialState } from './index.ts';

test('a target of half a request scales, and its fallback holds (KEDA pkg/fallback)', (t) => {
  const parsed = parseSpec({
    workload: {
      'rouse.dev/target': '0.5',
      'rouse.dev/target-utilization-percentage': '100',
      'rouse.dev/fallback-scale': '6',
      'rouse.dev/fallback-after': '30s',
    },
  });
  if (!parsed.ok) return t.fail(JSON.stringify(parsed.problem));
  const spec = { ...specWith(), ...parsed.value.spec };
  const calm = initialState({ policy: 'rouse' }, pods(1), start);
  t.is<number, number>(decide(calm, observed({ ready: 1, metrics: [concurrencyOf(2)] }), spec, at(0)).decision.to, 4, 'two requests are four pods');
  let state = calm;
  let last: number = 1;
  for (let second = 0; second <= 40; second += 2) {
    const decided = decide(state, observed({ ready: 1, metrics: [noConcurrency] }), spec, at(second));
    state = decided.state;
    last = decided.decision.to;
  }
  t.is(last, 6);
});
