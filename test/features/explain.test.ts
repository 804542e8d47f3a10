import { createServer } from 'node:http';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { CommandError } from '../../src/cli/exit-code.ts';
import { runExplain } from '../../src/cli/look/explain-command.ts';
import type { ExplainFlags } from '../../src/cli/flags.ts';
import { replayFiles } from '../../src/cli/replay/replay.ts';
import { onboarded } from '../support/app.ts';
import { startLoad } from '../support/load.ts';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { startRouse } from '../support/rouse-process.ts';
import { kubeconfigFor } from '../support/terminal.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
let web: TestApp;
let directory: string;
let url: string;
test.before(async () => {
  [rouse, directory] = await Promise.all([startTestLocal(), mkdtemp(join(tmpdir(), 'rouse-explain-'))]);
  url = `http://127.0.0.1:${rouse.local.metricsPort}`;
  web = await rouse.run('web', {
    annotations: { ...onboarded, 'rouse.dev/target': '3', 'rouse.dev/target-utilization-percentage': '100', 'rouse.dev/max-scale': '3' },
  });
});
test.after.always(async () => {
  await rouse.close();
  await rm(directory, { recursive: true });
});

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

/** The command in this process: a process of its own takes a second to begin, and one test does that. */
const ended = async (command: (write: (text: string) => void, note: (line: string) => void) => Promise<number>): Promise<Ended> => {
  let [out, errors] = ['', ''];
  const note = (line: string): void => {
    errors += `${line}\n`;
  };
  try {
    const code = await command((text) => (out += text), note);
    return { code, out, errors };
  } catch (failure) {
    if (!(failure instanceof CommandError)) throw failure;
    return { code: failure.exitCode, out, errors: failure.message };
  }
};
const explainBy = (environment: Readonly<Record<string, string>>, name: string, flags: Partial<ExplainFlags>): Promise<Ended> =>
  ended((write, note) => runExplain(name, { output: 'text', ...flags }, environment, write, note));
const explain = (name: string, flags: Partial<ExplainFlags> = {}): Promise<Ended> => explainBy({}, name, { controller: url, ...flags });
const replay = (path: string): Promise<Ended> => ended((write) => replayFiles([path], (line) => write(`${line}\n`)));

test.serial('rouse explain says what is wanted, from what, through which steps, and what would change it', async (t) => {
  const load = startLoad(t, 5, () => web.get('/sleep?ms=200'));
  await web.reach(2, 20_000);
  // The wake is decided by what is held, before a sample has come; and another target must have been worth another count.
  await until('a decision by a measured concurrency of more than two', () => {
    const { evidence } = rouse.local.controller.scaler.decided.explain('default', 'web')?.decisions.at(-1) ?? {};
    return evidence?.demands.every(({ reading }) => reading.kind !== 'no-data' && reading.stable > 2) ?? false;
  });
  const command = startRouse(['explain', 'web', '--controller', url]);
  const code = await command.ended;
  await load.stop();
  const out = command.lines.join('\n');
  t.is(code, 0, command.errors());
  t.regex(out, /^default\/web \(deployments\.apps\) (is held at|goes from)/);
  t.regex(out, /^ {2}concurrency +[\d.]+ +[\d.]+ +3 +[\d.]+ \/ [\d.]+ +[\d.]+m?s old$/m);
  t.regex(out, /^What would change it\n {2}\S/m);
  t.regex(out, /0 → 1 +a request is waiting \[wake-request\]/);
});

test.serial('in JSON the same comes as typed records', async (t) => {
  const { code, out } = await explain('web', { output: 'json' });
  t.is(code, 0);
  const explained = JSON.parse(out) as {
    readonly leads: boolean;
    readonly history: readonly { readonly decision: { readonly kind: string; readonly reason: string } }[];
  };
  t.true(explained.leads);
  t.true(explained.history.some(({ decision }) => decision.kind === 'wake' && decision.reason === 'wake-request'));
});

test.serial('--at shows what was in force then, and says where the journal begins', async (t) => {
  const wake = rouse.local.controller.scaler.decided.explain('default', 'web')?.journal.find(({ decision }) => decision.kind === 'wake');
  t.truthy(wake);
  const then = await explain('web', { at: new Date(wake?.since ?? 0).toISOString() });
  t.regex(then.out, /went from 0 to \d pods?: a request is waiting \[wake-request\]/);
  const before = await explain('web', { at: '24h ago' });
  t.deepEqual([before.code, before.out], [1, '']);
  t.regex(before.errors, /the journal of default\/web begins at 20\d\d-/);
  const never = await explain('web', { at: 'noon' });
  t.is(never.code, 2);
  t.regex(never.errors, /at is "noon": want a time that has been, such as .* or how long ago, such as 5m ago/);
});

test.serial('a name that is not known is answered with a near one and with how to onboard', async (t) => {
  const { code, errors } = await explain('wbe');
  t.is(code, 1);
  t.regex(errors, /default\/wbe is not onboarded: .*annotate deployment wbe rouse\.dev\/enabled=true\); did you mean default\/web\?/);
});

test.serial('an address at which nothing of ours answers is told', async (t) => {
  const { code, errors } = await explain('web', { controller: rouse.local.cluster.api.url.replace('https', 'http') });
  t.is(code, 3);
  t.regex(errors, /no controller answers at|is no controller of Rouse/);
});

test.serial('a recorded run decides the same again, bit for bit; a doctored one does not', async (t) => {
  const { code, out } = await explain('web', { output: 'trace' });
  t.is(code, 0);
  const path = join(directory, 'web.jsonl');
  await writeFile(path, out);
  const replayed = await replay(path);
  t.regex(replayed.out, /^1 case, \d+ ticks, 0 mismatches\n$/);
  t.is(replayed.code, 0);
  t.true(Number(/(\d+) ticks/.exec(replayed.out)?.[1]) >= 3, replayed.out);

  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const doctored = lines.map((line) => line.replace(/"stable":[\d.]+/, '"stable":7.5'));
  await writeFile(path, doctored.join('\n'));
  const found = await replay(path);
  t.is(found.code, 1);
  t.regex(found.out, /^default\/web, 20\d\d-[^,]+, decision\.evidence\.demands\.0\.stablePods: want [\d.]+, got 2\.5$/m);

  const other = lines.map((line) => line.replace('"target":3', '"target":1'));
  await writeFile(path, other.join('\n'));
  t.regex((await replay(path)).out, /decision\.to: want \d, got \d/, 'what another target would have given');
});

test.serial('through an API server the leader is asked for, with the credentials of the kubeconfig', async (t) => {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(`${String(request.headers.authorization)} ${String(request.url)}`);
    const leads = asked.length > 1;
    response.setHeader('rouse-leads', String(leads)).end(leads ? 'the leader\n' : 'a standby\n');
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => proxy.close());
  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, stringify(kubeconfigFor(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)));
  const { code, out, errors } = await explainBy({}, 'web', { kubeconfig });
  t.deepEqual([code, out], [0, 'the leader\n'], errors);
  const path = '/api/v1/namespaces/rouse-system/services/rouse-controller:metrics/proxy/workloads/team/web/explain';
  t.deepEqual(asked, [`Bearer secret ${path}`, `Bearer secret ${path}`]);
});

test.serial('a right that is missing is named', async (t) => {
  const proxy = createServer((_request, response) => {
    response
      .writeHead(403, { 'content-type': 'application/json' })
      .end(JSON.stringify({ kind: 'Status', message: 'services "rouse-controller:metrics" is forbidden' }));
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  t.teardown(() => proxy.close());
  const kubeconfig = join(directory, 'forbidden');
  await writeFile(kubeconfig, stringify(kubeconfigFor(`http://127.0.0.1:${(proxy.address() as AddressInfo).port}`)));
  const { code, errors } = await explainBy({ KUBECONFIG: kubeconfig }, 'web', { kubeconfig });
  t.is(code, 3);
  t.regex(errors, /services\/proxy "rouse-controller:metrics" in namespace rouse-system .*is forbidden/);
  t.notRegex(errors, /secret/);
});
