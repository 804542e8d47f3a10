import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { stringify } from 'yaml';
import { runDoctor } from '../../src/cli/doctor/doctor-command.ts';
import { runEvents } from '../../src/cli/look/events-command.ts';
import { runExplain } from '../../src/cli/look/explain-command.ts';
import { runStatus } from '../../src/cli/look/status-command.ts';
import { runSwitch } from '../../src/cli/look/switch-command.ts';
import { runTop } from '../../src/cli/look/top-command.ts';
import type { Terminal } from '../../src/cli/terminal.ts';
import { freePort } from '../support/free-port.ts';
import { served } from '../support/served.ts';
import { kubeconfigFor, runHere, type Ended } from '../support/terminal.ts';

/** Every command that asks a cluster, and everything that may be wrong with that: one sentence that says what, and the exit code of its kind. */

interface Where {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly controller?: string;
}

const commands = {
  status: (where, terminal) => runStatus({ names: ['web'], flags: where, environment: {}, terminal }),
  top: (where, terminal) => runTop({ by: 'load', names: [], flags: where, environment: {}, terminal }),
  explain: (where, terminal) => runExplain('web', { output: 'text', ...where }, {}, terminal.write, terminal.note),
  events: (where, terminal) => runEvents('web', where, terminal),
  doctor: (where, terminal) => runDoctor(where, {}, terminal),
  enable: (where, terminal) => runSwitch('web', true, { ...where, yes: true }, terminal),
  disable: (where, terminal) => runSwitch('web', false, { ...where, yes: true }, terminal),
} satisfies Readonly<Record<string, (where: Where, terminal: Terminal) => Promise<number>>>;
type Command = keyof typeof commands;
const all = Object.keys(commands) as readonly Command[];

const answers =
  (status: number, body: object): RequestListener =>
  (_request, response) =>
    void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ kind: 'Status', ...body }));
const forbidden: RequestListener = (request, response) => {
  answers(403, { reason: 'Forbidden', message: `User "me" cannot ${request.url ?? ''}` })(request, response);
};
const plain = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'team' }, spec: {} };
/** A cluster in which Rouse is not installed. */
const withoutRouse: RequestListener = (request, response) => {
  const path = request.url ?? '';
  if (path.includes('/proxy/') || path.includes('/statefulsets')) return answers(404, { reason: 'NotFound', message: 'not found' })(request, response);
  const found = path.includes('/events') ? { kind: 'EventList', items: [] } : plain;
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(found));
};

interface Wrong {
  readonly of: readonly Command[];
  readonly code: number;
  /** The whole of what is said. */
  readonly says: RegExp;
  /** An API server, or the text of a kubeconfig; undefined: there is no such file. */
  readonly cluster: RequestListener | string | undefined;
  readonly context?: string;
}

const throughController: readonly Command[] = ['status', 'top', 'explain'];
const throughApi: readonly Command[] = ['events', 'doctor', 'enable', 'disable'];
const nowhere = stringify(kubeconfigFor('http://127.0.0.1:9'));

const wrong: Readonly<Record<string, Wrong>> = {
  'no right to read the controller': {
    of: throughController,
    cluster: forbidden,
    code: 3,
    says: /^you may not read the controller through the API server: it takes the right to get services\/proxy "rouse-controller:metrics" in namespace rouse-system .*: User "me" cannot/,
  },
  'no right to read Events': { of: ['events'], cluster: forbidden, code: 3, says: /^you may not list the Events in namespace team: User "me" cannot / },
  'no right to read the workload': {
    of: ['enable', 'disable'],
    cluster: forbidden,
    code: 3,
    says: /^you may not read the Deployment team\/web: User "me" cannot /,
  },
  'no right to anything': { of: ['doctor'], cluster: forbidden, code: 3, says: /^you may not read the version of the API server: User "me" cannot / },
  'a token that nobody knows': {
    of: all,
    cluster: answers(401, { reason: 'Unauthorized', message: 'Unauthorized' }),
    code: 3,
    says: /^the API server at http:\/\/127\.0\.0\.1:\d+\/ does not know who you are: Unauthorized$/,
  },
  'an API server that is not there': {
    of: all,
    cluster: nowhere,
    code: 3,
    says: /^the API server at http:\/\/127\.0\.0\.1:9\/ cannot be (used|reached): .*ECONNREFUSED/,
  },
  'an API server that is none': {
    of: all,
    cluster: (_request, response) => void response.end('<html>log in</html>'),
    code: 3,
    says: /^(no controller answers through the API server at \S+ \(status 200\): <html>|the API server at \S+ cannot be used: the answer is not JSON but starts with)/,
  },
  'a kubeconfig that is not there': { of: all, cluster: undefined, code: 2, says: /^kubeconfig \S+ cannot be read: there is no such file$/ },
  'a kubeconfig that is no YAML': { of: all, cluster: 'a: [', code: 2, says: /^\S+ is not YAML: .* at line 1, column 5$/ },
  'a kubeconfig without a cluster': { of: all, cluster: '{}', code: 2, says: /^\S+ is no kubeconfig: it has no list "clusters"$/ },
  'a context that the kubeconfig does not have': {
    of: all,
    cluster: nowhere,
    context: 'other',
    code: 2,
    says: /^kubeconfig \S+ has no context "other"; there are: x$/,
  },
  'a cluster without Rouse': {
    of: throughController,
    cluster: withoutRouse,
    code: 3,
    says: /^the API server at \S+ knows no Service rouse-system\/rouse-controller: Rouse is not installed there; for rouse local name --controller with its metrics port$/,
  },
  'a controller that does not run': {
    of: throughController,
    cluster: answers(503, { message: 'no endpoints available for service "rouse-controller"' }),
    code: 3,
    says: /^no controller answers through the API server at \S+ \(status 503\): no endpoints available/,
  },
  'an API server that fails': {
    of: throughApi,
    cluster: answers(500, { message: 'etcd is away' }),
    code: 3,
    says: /^the API server at \S+ cannot be used: etcd is away$/,
  },
  'nobody there to onboard it': {
    of: ['enable'],
    cluster: withoutRouse,
    code: 0,
    says: /^warning: no controller of Rouse has looked at this: nothing scales it until one runs there \(rouse doctor says what is wrong\)\n$/,
  },
};

const run = (command: Command, where: Where): Promise<Ended> => runHere((terminal) => commands[command](where, terminal));

for (const [what, { of, code, says, cluster, context }] of Object.entries(wrong))
  test(`${what}: ${of.join(', ')} say so, exit code ${String(code)}`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'rouse-wrong-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const kubeconfig = join(directory, 'kubeconfig');
    if (cluster !== undefined) await writeFile(kubeconfig, typeof cluster === 'string' ? cluster : stringify(kubeconfigFor(await served(t, cluster))));
    for (const command of of) {
      const ended = await run(command, { kubeconfig, ...(context === undefined ? {} : { context }) });
      t.is(ended.code, code, `${command}: ${ended.errors}`);
      t.regex(ended.errors, says, command);
      t.notRegex(ended.errors.trimEnd(), /\n|secret/, `${command}: one sentence, and no secret`);
    }
  });

test('a controller that is not there, is something else, or is newer or older than the command: status, top and explain say so, exit code 3', async (t) => {
  const answering = (headers: Readonly<Record<string, string>>): Promise<string> =>
    served(t, (_request, response) => void response.writeHead(200, { 'rouse-leads': 'true', ...headers }).end('{"workloads":[]}'));
  const newer = await answering({ 'rouse-api-version': '2' });
  const cases: Readonly<Record<string, RegExp>> = {
    [`http://127.0.0.1:${await freePort()}`]: /^no controller answers at http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/,
    [`http://localhost:${await freePort()}`]: /^no controller answers at http:\/\/localhost:\d+: .*ECONNREFUSED/,
    [await served(t, (_request, response) => void response.end('hello'))]: /^what answers at \S+ is no controller of Rouse \(status 200\)$/,
    [newer]:
      /^the controller answers in version 2 of its API, and this rouse \(\d+\.\d+\.\d+\) knows up to version 1: take the rouse that the controller runs$/,
  };
  for (const [controller, says] of Object.entries(cases))
    for (const command of throughController) {
      const ended = await run(command, { controller });
      t.is(ended.code, 3, command);
      t.regex(ended.errors, says, command);
    }
  const older = await answering({});
  for (const command of ['status', 'top'] as const) t.regex((await run(command, { controller: older })).errors, /^the controller is older than this command: /);
});
