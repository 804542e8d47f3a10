import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { startRouse } from '../support/rouse-process.ts';

const anyPorts = ['--api-port', '0', '--gateway-port', '0', '--metrics-port', '0'];
const deployment = (annotations: string): string =>
  `{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, annotations: {${annotations}}}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: a, command: [node]}]}}}}`;

interface Wrong {
  readonly args: readonly string[];
  readonly code: number;
  /** Matches the only line of standard error, after `rouse: `. */
  readonly says: RegExp;
  /** Written to FILE in the arguments. */
  readonly file?: string;
}

const wrong: Readonly<Record<string, Wrong>> = {
  'a manifest that is not there': {
    args: ['local', '-f', 'nowhere.yaml', ...anyPorts],
    code: 2,
    says: /^cannot read the manifest nowhere\.yaml: there is no such file$/,
  },
  'a manifest that is no YAML': { args: ['local', '-f', 'FILE', ...anyPorts], file: 'a: [', code: 2, says: /^.*file\.yaml:\d+: not valid YAML: / },
  'a kind that the embedded cluster does not have': {
    args: ['local', '-f', 'FILE', ...anyPorts],
    file: '{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}}',
    code: 2,
    says: /^.*file\.yaml:1: .*CronJob/,
  },
  'a manifest that the API refuses': {
    args: ['local', '-f', 'FILE', ...anyPorts],
    file: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: a, image: a}]}}}}',
    code: 2,
    says: /^.*file\.yaml:1: .*selector/,
  },
  'annotations that admission refuses': {
    args: ['local', '-f', 'FILE', ...anyPorts],
    file: deployment("rouse.dev/enabled: 'true', rouse.dev/windo: 5s, rouse.dev/target: '-1'"),
    code: 2,
    says: /^.*file\.yaml:1: .*rouse\.dev\/target.*rouse\.dev\/windo|^.*file\.yaml:1: .*rouse\.dev\/windo.*rouse\.dev\/target/,
  },
  'a flag that does not exist': { args: ['local', '--prot', '1'], code: 2, says: /unknown option '--prot'/ },
  'a port that is none': { args: ['local', '--api-port', '99999'], code: 2, says: /Want a port from 0/ },
  'a command that does not exist': { args: ['lokal'], code: 2, says: /unknown command 'lokal'/ },
  'a routes file that is not there': { args: ['gateway', '--routes', 'nowhere.yaml', '--metrics-port', '0'], code: 2, says: /nowhere\.yaml/ },
  'a routes file with an unknown field': {
    args: ['gateway', '--routes', 'FILE', '--metrics-port', '0'],
    file: 'workloads: [{name: default/app, listners: []}]',
    code: 2,
    says: /listners/,
  },
  'a gateway with nothing to follow': { args: ['gateway', '--metrics-port', '0'], code: 2, says: /--controller.*--routes|--routes.*--controller/ },
  'a port for TLS without certificates': {
    args: ['gateway', '--routes', 'FILE', '--tls-port', '0'],
    file: 'workloads: []',
    code: 2,
    says: /^--tls-port 0 needs --tls-cert-dir, .*, e\.g\. --tls-cert-dir \/etc\/rouse\/tls$/,
  },
  'certificates without a port for TLS': {
    args: ['gateway', '--routes', 'FILE', '--tls-cert-dir', '/etc'],
    file: 'workloads: []',
    code: 2,
    says: /^--tls-cert-dir \/etc needs --tls-port, e\.g\. --tls-port 8443$/,
  },
  'one port for both': {
    args: ['gateway', '--routes', 'FILE', '--shared-port', '8443', '--tls-port', '8443', '--tls-cert-dir', '/etc'],
    file: 'workloads: []',
    code: 2,
    says: /^--tls-port 8443 is --shared-port already/,
  },
  'certificates that are not there': {
    args: ['gateway', '--routes', 'FILE', '--tls-port', '0', '--tls-cert-dir', '/nowhere'],
    file: 'workloads: []',
    code: 2,
    says: /^--tls-cert-dir: \/nowhere cannot be read: ENOENT/,
  },
  'the PROXY protocol without a port for it': {
    args: ['gateway', '--routes', 'FILE', '--proxy-protocol'],
    file: 'workloads: []',
    code: 2,
    says: /^--proxy-protocol is about --shared-port and --tls-port: give one of them/,
  },
  'proxies to trust without a port for them': {
    args: ['gateway', '--routes', 'FILE', '--trusted-proxies', '10.0.0.0/8'],
    file: 'workloads: []',
    code: 2,
    says: /^--trusted-proxies is about --shared-port and --tls-port: give one of them/,
  },
  'proxies to trust that are no CIDR': {
    args: ['gateway', '--routes', 'FILE', '--shared-port', '0', '--trusted-proxies', '10.0.0.0/8,10.0.0.1'],
    file: 'workloads: []',
    code: 2,
    says: /--trusted-proxies <cidrs>' argument '10\.0\.0\.0\/8,10\.0\.0\.1' is invalid\. It has "10\.0\.0\.1"\. Want at most 1000 CIDRs, comma separated, e\.g\. 10\.0\.0\.0\/8,fd00::\/8\./,
  },
  'a kubeconfig that is not there': {
    args: ['controller', '--kubeconfig', 'nowhere.yaml', '--port', '0', '--metrics-port', '0'],
    code: 2,
    says: /nowhere\.yaml/,
  },
  'an API server out of reach': {
    args: ['controller', '--kubeconfig', 'FILE', '--port', '0', '--metrics-port', '0'],
    file: '{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: a, user: {token: a}}]}',
    code: 3,
    says: /127\.0\.0\.1:1/,
  },
  'an uninstall without a kubeconfig that is there': { args: ['uninstall', '--kubeconfig', 'nowhere.yaml'], code: 2, says: /nowhere\.yaml/ },
  'an uninstall that is to be cancelled and tried': { args: ['uninstall', '--cancel', '--dry-run'], code: 2, says: /^--cancel goes with/ },
  'a restore with a time limit that is none': { args: ['restore', '--timeout', 'soon'], code: 2, says: /^--timeout soon: want a duration, e\.g\. 10m$/ },
  'a restore with the API server out of reach': {
    args: ['restore', '--kubeconfig', 'FILE'],
    file: '{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}], clusters: [{name: a, cluster: {server: "https://127.0.0.1:1"}}], users: [{name: a, user: {token: a}}]}',
    code: 3,
    says: /127\.0\.0\.1:1/,
  },
  'a trace that is not there': { args: ['replay', 'nowhere.jsonl'], code: 2, says: /nowhere\.jsonl/ },
};

for (const [what, { args, code, says, file }] of Object.entries(wrong))
  test.serial(`${what}: one clear sentence, exit code ${code}, nothing started`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'rouse-cli-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const path = join(directory, 'file.yaml');
    if (file !== undefined) await writeFile(path, file);
    const rouse = startRouse(args.map((arg) => (arg === 'FILE' ? path : arg)));
    t.is(await rouse.ended, code, rouse.errors());
    const [first = ''] = rouse.errors().split('\n');
    t.regex(first.replace(/^rouse: |^error: /, ''), says, rouse.errors());
    t.notRegex(rouse.errors(), /\n {4}at /, 'no stack trace');
    t.false(rouse.lines.some((line) => line.startsWith('ready:')));
  });

for (const flag of ['--api-port', '--gateway-port', '--metrics-port'])
  test.serial(`a port in use is named, with the flag that changes it: ${flag}`, async (t) => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    t.teardown(() => holder.close());
    const { port } = holder.address() as AddressInfo;
    const rouse = startRouse(['local', ...anyPorts.flatMap((arg, index) => (arg === flag ? [arg, String(port)] : anyPorts[index - 1] === flag ? [] : [arg]))]);
    t.is(await rouse.ended, 3, rouse.errors());
    t.regex(rouse.errors(), new RegExp(`^rouse: cannot listen on 127\\.0\\.0\\.1:${port}: another program uses the port; choose another port with ${flag}`));
  });

for (const flag of ['--metrics-port', '--shared-port', '--tls-port'])
  for (const [kind, feed] of Object.entries({ 'stand-alone': ['--routes', 'FILE'], linked: ['--controller', 'https://127.0.0.1:1'] }))
    test.serial(`a ${kind} gateway whose ${flag} is in use says so and ends, though its other parts had started`, async (t) => {
      const directory = await mkdtemp(join(tmpdir(), 'rouse-cli-'));
      t.teardown(() => rm(directory, { recursive: true }));
      const path = join(directory, 'file.yaml');
      await writeFile(path, 'workloads: []');
      const holder = createServer().listen(0);
      await once(holder, 'listening');
      t.teardown(() => holder.close());
      const { port } = holder.address() as AddressInfo;
      const other = flag === '--metrics-port' ? '--shared-port' : '--metrics-port';
      const more = flag === '--tls-port' ? ['--shared-port', '0', '--tls-cert-dir', directory] : [];
      const rouse = startRouse(['gateway', ...feed.map((arg) => (arg === 'FILE' ? path : arg)), flag, String(port), other, '0', ...more]);
      t.is(await rouse.ended, 3, rouse.errors());
      t.regex(rouse.errors(), new RegExp(`^rouse: cannot listen on port ${port}: another program uses the port; choose another port with ${flag}`, 'm'));
      t.notRegex(rouse.errors(), /\n {4}at /, 'no stack trace');
    });

test.serial('a controller that cannot write its CA says so and ends, though it had started', async (t) => {
  const cluster = startRouse(['local', ...anyPorts]);
  t.teardown(() => cluster.stop());
  const [, kubeconfig = ''] = await cluster.line(/export KUBECONFIG=(\S+)/);
  await cluster.line(/^ready:/);
  const rouse = startRouse([
    'controller',
    '--kubeconfig',
    kubeconfig,
    '--port',
    '0',
    '--metrics-port',
    '0',
    '--advertise',
    '127.0.0.1',
    '--write-ca',
    '/nowhere/ca',
  ]);
  t.is(await rouse.ended, 2, rouse.errors());
  t.regex(rouse.errors(), /^rouse: cannot write the CA certificate to \/nowhere\/ca \(--write-ca\)/m);
});

test.serial('validate lists every problem of every manifest and exits 1', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'rouse-cli-'));
  t.teardown(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'bad.yaml'), deployment("rouse.dev/enabled: 'yes', rouse.dev/windo: 5s, rouse.dev/min-scale: '9', rouse.dev/max-scale: '3'"));
  const rouse = startRouse(['validate', '-f', join(directory, 'bad.yaml')]);
  t.is(await rouse.ended, 1, rouse.errors());
  t.is(rouse.lines.filter((line) => line.startsWith('problem: ')).length, 3);
  t.is(rouse.lines.at(-1), '1 workload, 3 problems');
  const good = startRouse(['validate', '-f', 'deploy/examples/hello.yaml']);
  t.is(await good.ended, 0, good.errors());
});
