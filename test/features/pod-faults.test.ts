import test from 'ava';
import { startLoad } from '../support/load.ts';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

interface Problem {
  readonly code: string;
  readonly reason?: string;
  readonly detail: string;
}

type Answer = Awaited<ReturnType<TestApp['get']>>;

const problemOf = ({ text }: Answer): Problem => JSON.parse(text) as Problem;

/** Changes the pod template as its user would, and with it nothing else. */
const mend = async (name: string, container: Record<string, unknown>): Promise<void> => {
  const answer = await rouse.api.patch(
    `/apis/apps/v1/namespaces/default/deployments/${name}`,
    { spec: { template: { spec: { containers: [{ name: 'app', ...container }] } } } },
    'strategic-merge',
  );
  if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
};

/** Asks until the workload answers: what was refused is refused for a while. */
const answers = (app: TestApp): Promise<Answer> =>
  until(`${app.name} answers`, async () => {
    const answer = await app.get('/after');
    return answer.status === 200 && answer;
  });

/** `hold-timeout` is 60 s; who is refused this early was told, not timed out. */
const earlyMs = 15_000;

const wakeFailures = (app: TestApp): readonly string[] => app.events().flatMap((event) => (event.type === 'wake-failed' ? [event.reason] : []));

test('requests held for a pod that crashes again and again are answered early with the reason, and served once it is mended', async (t) => {
  const app = await rouse.run('crashing', { env: { CRASH: '1' } });
  const from = performance.now();
  const held = await Promise.all(Array.from({ length: 5 }, () => app.get()));
  t.true(performance.now() - from < earlyMs);
  for (const answer of held) {
    t.is(answer.status, 503);
    t.like(problemOf(answer), { code: 'wake-failed', reason: 'crash-loop' });
  }
  t.deepEqual(wakeFailures(app), ['crash-loop']);

  await mend('crashing', { env: [{ name: 'CRASH', $patch: 'delete' }] });
  t.is((await answers(app)).status, 200);
});

test('requests held for a pod that never gets ready are answered at its progress deadline, and served once it is mended', async (t) => {
  const app = await rouse.run('unready', { env: { NEVER_READY: '1' }, progressDeadlineSeconds: 3 });
  const from = performance.now();
  const answer = await app.get();
  const took = performance.now() - from;
  t.is(answer.status, 503);
  t.like(problemOf(answer), { code: 'wake-failed', reason: 'not-ready' });
  t.true(took >= 2000 && took < earlyMs, `answered after ${took} ms`);

  await mend('unready', { env: [{ name: 'NEVER_READY', $patch: 'delete' }] });
  t.is((await answers(app)).status, 200);
});

test('a command that does not exist is told at once, and served once it is mended', async (t) => {
  const app = await rouse.run('missing', { command: ['/no/such/program'] });
  const answer = await app.get();
  t.is(answer.status, 503);
  t.like(problemOf(answer), { code: 'wake-failed', reason: 'start-failed' });
  t.regex(problemOf(answer).detail, /\/no\/such\/program/);

  await mend('missing', { command: [process.execPath, 'test/support/programs/app.js'] });
  t.is((await answers(app)).status, 200);
});

test('a pod that is killed under load costs the requests that were in it, and no other', async (t) => {
  const concurrency = 4;
  const app = await rouse.run('killed', {
    annotations: {
      'rouse.dev/enabled': 'true',
      'rouse.dev/window': '6s',
      'rouse.dev/min-scale': '2',
      'rouse.dev/max-scale': '2',
      'rouse.dev/container-concurrency': String(concurrency),
    },
  });
  const load = startLoad(t, 2 * concurrency + 4, () => app.get('/sleep?ms=40'));
  const seen = load.answers;
  const processes = (from: number): ReadonlySet<number> =>
    new Set(seen.slice(from).flatMap(({ status, text }) => (status === 200 ? [(JSON.parse(text) as { pid: number }).pid] : [])));
  const victims = await until('both pods answer', () => (processes(0).size === 2 ? processes(0) : undefined));
  const [victim] = victims;
  process.kill(victim ?? 0, 'SIGKILL');
  const killedAt = seen.length;
  await until('another process has taken its place', () => [...processes(killedAt)].some((pid) => !victims.has(pid)));
  await load.stop();

  const failed = seen.filter(({ status }) => status !== 200);
  t.true(failed.length <= concurrency, `${failed.length} of ${seen.length} failed: ${JSON.stringify(failed.map(({ status, text }) => [status, text]))}`);
  for (const answer of failed) t.is(problemOf(answer).code, 'upstream-reset');
});
