import { createHash, randomBytes } from 'node:crypto';
import test from 'ava';
import { startTestLocal, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

test('one request wakes a workload from zero, and the cold start is told by phase', async (t) => {
  const app = await rouse.run('one');
  t.is(await app.replicas(), 0);
  const answer = await app.get('/hello?x=1');
  t.is(answer.status, 200, answer.text);
  t.is((JSON.parse(answer.text) as { url: string }).url, '/hello?x=1');
  t.is(await app.replicas(), 1);
  const first = await until('the first byte is told', () => app.events().find((event) => event.type === 'first-byte'));
  t.true(first.coldStart.totalMs > 0);
  const sum = Object.values(first.coldStart.phases).reduce((total, ms) => total + ms, 0);
  t.true(Math.abs(sum - first.coldStart.totalMs) < 5, `the phases add up: ${JSON.stringify(first.coldStart)}`);
});

test('a body of 5 MB and 200 requests at once at zero are each answered exactly once', async (t) => {
  const app = await rouse.run('crowd', {
    annotations: { 'rouse.dev/enabled': 'true', 'rouse.dev/window': '6s', 'rouse.dev/target': '50', 'rouse.dev/max-scale': '4' },
  });
  const body = randomBytes(5 * 1024 * 1024);
  const posted = app.get('/digest', { method: 'POST', body });
  const asked = await Promise.all(Array.from({ length: 200 }, (_, index) => app.get(`/crowd/${index}`)));
  const { bytes, sha256 } = JSON.parse((await posted).text) as { bytes: number; sha256: string };
  t.is(bytes, body.length);
  t.is(sha256, createHash('sha256').update(body).digest('hex'));
  t.deepEqual(new Set(asked.map(({ status }) => status)), new Set([200]));
  t.is(new Set(asked.map(({ text }) => (JSON.parse(text) as { url: string }).url)).size, 200, 'each its own answer');
});

test('to zero and awake again ten times', async (t) => {
  const app = await rouse.run('again');
  for (let round = 1; round <= 10; round++) {
    t.is((await app.get()).status, 200, `wake ${round}`);
    await app.reach(0);
  }
  t.is(app.events().filter((event) => event.type === 'scaled' && event.from === 0).length, 10);
});
