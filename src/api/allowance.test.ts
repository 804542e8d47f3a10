import test from 'ava';
import { Allowance } from './allowance.ts';

test('who asks now and then is always answered, and all who ask without end get a tenth of the time', (t) => {
  const allowance = new Allowance();
  const costMs = 50;
  let [now, spent] = [1000, 0];
  for (; now < 61_000; now += costMs) {
    if (!allowance.allows(now)) continue;
    allowance.spent(costMs);
    spent += costMs;
  }
  t.true(spent <= 60_000 / 10 + 500 + costMs, String(spent));
  t.true(spent >= 60_000 / 10 - costMs, String(spent));
  t.true(allowance.allows(now + 10_000));
});

test('after a very long answer it says how long to wait', (t) => {
  const allowance = new Allowance();
  t.true(allowance.allows(0));
  allowance.spent(1500);
  t.false(allowance.allows(1000));
  t.is(allowance.waitSeconds, 9);
  t.true(allowance.allows(10_001));
});
