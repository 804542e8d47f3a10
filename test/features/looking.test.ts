import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { runEvents } from '../../src/cli/look/events-command.ts';
import { runExplain } from '../../src/cli/look/explain-command.ts';
import type { EventsFlags, ListingFlags } from '../../src/cli/flags.ts';
import { runStatus } from '../../src/cli/look/status-command.ts';
import { runSwitch } from '../../src/cli/look/switch-command.ts';
import { runTop } from '../../src/cli/look/top-command.ts';
import { deployment, onboarded, service } from '../support/app.ts';
import { holdWebhooks, patientAdmission } from '../support/held-webhooks.ts';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { startRouse } from '../support/rouse-process.ts';
import { served } from '../support/served.ts';
import { kubeconfigFor, plain, runHere, type Ended, type TerminalOptions } from '../support/terminal.ts';
import { until } from '../support/until.ts';

/** What users see of a running Rouse from a terminal, with nothing but the kubeconfig that `rouse local` prints. */

let rouse: TestLocal;
let web: TestApp;
let directory: string;
let kubeconfig: string;
test.before(async () => {
  [rouse, directory] = await Promise.all([startTestLocal(), mkdtemp(join(tmpdir(), 'rouse-looking-'))]);
  await holdWebhooks(rouse, patientAdmission);
  kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, rouse.local.cluster.api.kubeconfig());
  const options = { annotations: { ...onboarded, 'rouse.dev/scale-to-zero-pod-retention-period': '5m' } };
  [web] = await Promise.all([rouse.run('web', options), rouse.run('sleeper')]);
  await web.get();
  await until('a decision after the wake by what is measured, when nothing is held any more', () => {
    const explained = rouse.local.controller.scaler.decided.explain('default', 'web');
    const last = explained?.decisions.at(-1);
    const measured = last?.evidence.demands.every(({ reading }) => reading.kind !== 'no-data');
    return explained?.workload.ready === 1 && last?.kind === 'hold' && last.evidence.held === 0 && measured === true;
  });
});
test.after.always(async () => {
  await rouse.close();
  await rm(directory, { recursive: true });
});

const status = (names: readonly string[] = [], flags: ListingFlags = {}, options: TerminalOptions = {}): Promise<Ended> =>
  runHere((terminal) => runStatus({ names, flags: { kubeconfig, ...flags }, environment: {}, terminal }), options);
const events = (name?: string, flags: EventsFlags = {}): Promise<Ended> => runHere((terminal) => runEvents(name, { kubeconfig, ...flags }, terminal));

const kubeconfigOf = async (t: ExecutionContext, handler: RequestListener): Promise<string> => {
  const path = join(directory, `kubeconfig-${Math.random().toString(36).slice(2)}`);
  await writeFile(path, stringify(kubeconfigFor(await served(t, handler))));
  return path;
};

test.serial('rouse status says what each workload has and wants, its load, and what was decided last', async (t) => {
  const { code, out, errors } = await status();
  t.is(code, 0, errors);
  t.regex(out, /^NAME +PHASE +READY +STARTING +HELD +LOAD +TARGET +DECISION +AGE +NEXT$/m);
  t.regex(out, /^sleeper +asleep +0\/0 +0 +0 +/m);
  t.regex(out, /^web +active +1\/1 +0 +0 +[\d.e-]+ concurrency +70 a pod +1 \S+ +\d+s$/m);
  t.regex((await status([], { allNamespaces: true })).out, /^default +web +active/m);
  const elsewhere = await status([], { namespace: 'kube-system' });
  t.deepEqual([elsewhere.code, elsewhere.out, elsewhere.errors], [0, '', 'no workload is onboarded in namespace kube-system (-A: all namespaces)\n']);
});

test.serial('status as data: JSON, YAML and names that kubectl takes', async (t) => {
  const { workloads } = JSON.parse((await status(['web'], { output: 'json' })).out) as { workloads: Record<string, unknown>[] };
  t.like(workloads[0], { namespace: 'default', name: 'web', phase: 'active', mode: 'enforce', desired: 1, replicas: 1, ready: 1, starting: 0, held: 0 });
  t.regex((await status(['web'], { output: 'yaml' })).out, /^workloads:\n {2}- namespace: default\n {4}name: web\n/);
  t.is((await status([], { output: 'name' })).out, 'deployments.apps/sleeper\ndeployments.apps/web\n');
});

test.serial('rouse top puts who has most first, and adds up', async (t) => {
  const top = (by: 'load' | 'pods'): Promise<Ended> => runHere((terminal) => runTop({ by, names: [], flags: { kubeconfig }, environment: {}, terminal }));
  const { code, out } = await top('pods');
  t.is(code, 0);
  t.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/\s{2,}/)[0]),
    ['NAME', 'web', 'sleeper', '2 workloads'],
  );
  t.regex(out, /^2 workloads +[\d.e-]+ +0 +0 +1 +1 +1$/m);
  t.regex((await top('load')).out, /^NAME +LOAD +PODS OF LOAD +IN FLIGHT +HELD +PODS +READY +WANTED\n(web|sleeper) /);
});

test.serial('rouse events tells what Rouse did, newest last, and goes on with --watch', async (t) => {
  // They are written a moment after what they tell.
  const { code, out } = await until('both are written', async () => {
    const shown = await events('web');
    return /onboarded with 0 pods[^]*0 → 1/.test(shown.out) && shown;
  });
  t.is(code, 0);
  t.regex(out, /^AGE +TYPE +REASON +OBJECT +MESSAGE\n/);
  t.regex(out, /onboarded with 0 pods[^]*0 → 1: a request is waiting/);
  t.notRegex(out, /sleeper/);
  t.regex((await events('web', { output: 'name' })).out, /^event\/web\.\S+\n/);
  const watching = startRouse(['events', '-w', '--kubeconfig', kubeconfig]);
  await watching.line(/Deployment\/web +0 → 1: a request is waiting/);
  await rouse.create('/apis/apps/v1/namespaces/default/deployments', deployment('newcomer'));
  await watching.line(/Deployment\/newcomer +onboarded with 0 pods/);
  t.is(await watching.stop('SIGINT'), 0);
});

test.serial('status --watch: one table drawn anew on a terminal, lines of what changed elsewhere', async (t) => {
  const stop = (): void => void process.emit('SIGINT');
  let patched: Promise<unknown> | undefined;
  const lines = await status(
    ['web'],
    { watch: true },
    {
      wrote: (out) => {
        patched ??= rouse.api.patch('/apis/apps/v1/namespaces/default/deployments/web', { metadata: { annotations: { 'rouse.dev/mode': 'observe' } } });
        if (/^web +active \(observe\)/m.test(out)) stop();
      },
    },
  );
  await patched;
  t.is(lines.code, 0, lines.errors);
  t.regex(lines.out, /^NAME[^]*^web +active +1\/1[^]*^web +active \(observe\) +1\/1/m);
  t.is(lines.out.split('NAME').length, 2, 'the head comes once');
  t.false(lines.out.includes('\u001B'), 'no colours where there is no terminal');

  let drawn = 0;
  const shown = await status(
    ['web'],
    { watch: true },
    {
      size: { columns: 200, rows: 20 },
      wrote: () => {
        drawn += 1;
        if (drawn === 2) stop();
      },
    },
  );
  t.is(shown.code, 0);
  t.is(shown.out.split('\u001B[H').length, 3, 'drawn twice, from the top');
  t.regex(plain(shown.out), /web +active \(observe\)/);
  t.is((await status([], { watch: true, output: 'json' })).code, 2);
});

test.serial('a name that is not known: exit 1, and the name that was meant', async (t) => {
  const shown = await status(['wbe', 'sleeper']);
  t.is(shown.code, 1);
  t.regex(shown.out, /^sleeper/m);
  t.regex(shown.errors, /^rouse: default\/wbe is not onboarded: .*did you mean default\/web\?\n$/);
  t.deepEqual(await events('wbe'), { code: 1, out: '', errors: 'rouse: there is no Deployment or StatefulSet default/wbe; did you mean web?\n' });
  t.deepEqual(await runHere((terminal) => runSwitch('slepeer', true, { kubeconfig }, terminal)), {
    code: 1,
    out: '',
    errors: 'rouse: there is no Deployment or StatefulSet default/slepeer; did you mean sleeper?\n',
  });
  const kind = await runHere((terminal) => runSwitch('cronjob/web', true, { kubeconfig }, terminal));
  t.is(kind.code, 2);
  t.regex(kind.errors, /want the name of a workload, e\.g\. hello, or its kind and name: deployment\/hello/);
});

test.serial('enable and disable show what changes, ask, and change nothing else', async (t) => {
  await rouse.create('/apis/apps/v1/namespaces/default/deployments', deployment('plain', { annotations: { note: 'mine' }, replicas: 1 }));
  await rouse.create('/api/v1/namespaces/default/services', service('plain'));
  const turn = (on: boolean, options: TerminalOptions & { readonly yes?: boolean } = {}): Promise<Ended> =>
    runHere((terminal) => runSwitch('deploy/plain', on, { kubeconfig, ...(options.yes === true ? { yes: true } : {}) }, terminal), options);
  const annotations = async (): Promise<Record<string, string>> =>
    (await rouse.api('GET', '/apis/apps/v1/namespaces/default/deployments/plain')).body.metadata?.annotations ?? {};

  const nobody = await turn(true);
  t.is(nobody.code, 2);
  t.regex(nobody.out, /^@@ .* @@\n/);
  t.regex(nobody.out, /^ +note: mine$[^]*^\+ +rouse\.dev\/enabled: "true"$/m);
  t.regex(nobody.errors, /nothing was changed: nobody can be asked here; say --yes/);
  const no = await turn(true, { answer: 'n' });
  t.deepEqual([no.code, (await annotations())['rouse.dev/enabled']], [1, undefined]);
  t.regex(no.errors, /^warning: Rouse: on; [^]*Write this to deployment default\/plain\? \[y\/N\] nothing was changed\n$/);

  const yes = await turn(true, { answer: 'yes' });
  t.deepEqual([yes.code, (await annotations())['rouse.dev/enabled']], [0, 'true'], yes.errors);
  await until('it is onboarded', async () => 'rouse.dev/state' in (await annotations()));
  t.regex((await turn(true)).out, /is enabled already: nothing to change/);
  const off = await turn(false, { yes: true });
  t.is(off.code, 0);
  t.regex(off.out, /^-.*rouse\.dev\/enabled: "true"$/m);
  await until('it is handed back', async () => !('rouse.dev/state' in (await annotations())));
  t.is((await annotations())['note'], 'mine');
});

test.serial('what admission refuses is told, and nothing is changed: exit 1', async (t) => {
  const path = '/apis/apps/v1/namespaces/default/deployments';
  await rouse.create(path, deployment('wrong', { annotations: { 'rouse.dev/window': 'long' } }));
  const { code, errors } = await runHere((terminal) => runSwitch('wrong', true, { kubeconfig, yes: true }, terminal));
  t.is(code, 1);
  t.regex(errors, /nothing was changed: admission webhook .*rouse\.dev\/window/);
  t.is((await rouse.api('GET', `${path}/wrong`)).body.metadata?.annotations?.['rouse.dev/enabled'], undefined);
});

const forbids: RequestListener = (request, response) => {
  response
    .writeHead(403, { 'content-type': 'application/json' })
    .end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: `User "me" cannot ${String(request.method)} ${String(request.url)}` }));
};

test.serial('no rights: the right that is missing is named, and no secret: exit 3', async (t) => {
  const config = await kubeconfigOf(t, forbids);
  const asked = await status([], { kubeconfig: config });
  t.is(asked.code, 3);
  t.regex(
    asked.errors,
    /you may not read the controller through the API server: it takes the right to get services\/proxy "rouse-controller:metrics" in namespace rouse-system/,
  );
  const listed = await events(undefined, { kubeconfig: config });
  t.is(listed.code, 3);
  t.regex(listed.errors, /^you may not list the Events in namespace team: User "me" cannot GET/);
  const turned = await runHere((terminal) => runSwitch('web', true, { kubeconfig: config }, terminal));
  t.is(turned.code, 3);
  t.regex(turned.errors, /^you may not read the Deployment team\/web: /);
  t.notRegex(asked.errors + listed.errors + turned.errors, /secret/);
});

test.serial('no cluster: exit 2 where none is named, 3 where it does not answer', async (t) => {
  const none = startRouse(['events'], { KUBECONFIG: '', HOME: directory, KUBERNETES_SERVICE_HOST: '' });
  t.is(await none.ended, 2);
  t.regex(none.errors(), /^rouse: .*name a cluster with --kubeconfig, or export the KUBECONFIG that rouse local prints\n$/);
  const gone = join(directory, 'gone');
  await writeFile(gone, stringify(kubeconfigFor('http://127.0.0.1:9')));
  for (const ended of [await events(undefined, { kubeconfig: gone }), await status([], { kubeconfig: gone })]) {
    t.is(ended.code, 3);
    t.regex(ended.errors, /the API server at http:\/\/127\.0\.0\.1:9\/? cannot be (used|reached): /);
  }
});

test.serial('no controller: exit 3, and whether Rouse is not installed or does not run', async (t) => {
  const absent = await status([], {
    kubeconfig: await kubeconfigOf(t, (_request, response) => response.writeHead(404).end('{"message":"services \\"rouse-controller\\" not found"}')),
  });
  t.is(absent.code, 3);
  t.regex(absent.errors, /knows no Service rouse-system\/rouse-controller: Rouse is not installed there/);
  const down = await status([], {
    kubeconfig: await kubeconfigOf(t, (_request, response) => response.writeHead(503).end('{"message":"no endpoints available for service"}')),
  });
  t.is(down.code, 3);
  t.regex(down.errors, /no controller answers through the API server at .* \(status 503\): no endpoints available/);
  t.is((await status([], { controller: 'http://127.0.0.1:9' })).code, 3);
});

test.serial('a controller of another age: exit 3, and what to do', async (t) => {
  const answering = (version: string | undefined): Promise<string> =>
    served(t, (_request, response) => {
      response.setHeader('rouse-leads', 'true');
      if (version !== undefined) response.setHeader('rouse-api-version', version);
      response.end('{"workloads":[]}');
    });
  const newer = await answering('2');
  const shown = await status([], { controller: newer });
  t.is(shown.code, 3);
  t.regex(
    shown.errors,
    /the controller answers in version 2 of its API, and this rouse \(\d+\.\d+\.\d+\) knows up to version 1: take the rouse that the controller runs/,
  );
  const explained = await runHere((terminal) => runExplain('web', { output: 'text', controller: newer }, {}, terminal.write, terminal.note));
  t.is(explained.code, 3);
  t.regex(explained.errors, /in version 2 of its API/);
  const older = await status([], { controller: await answering(undefined) });
  t.is(older.code, 3);
  t.regex(older.errors, /the controller is older than this command/);
});
