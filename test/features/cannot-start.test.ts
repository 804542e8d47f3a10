import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { startRouse } from '../support/rouse-process.ts';
import { ScriptedKubeApi, type Canned } from '../support/scripted-kube-api.ts';

type Answers = Readonly<Record<string, () => Canned>>;

const ok = (body: unknown): (() => Canned) => {
  return () => ({ status: 200, body });
};
const refused = (status: number, reason: string, message: string): (() => Canned) => {
  return () => ({ status, body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code: status } });
};
const absent = refused(404, 'NotFound', 'not found');
const webhooksAt = (clientConfig: object): (() => Canned) => ok({ metadata: { name: 'rouse' }, webhooks: [{ name: 'workloads.rouse.dev', clientConfig }] });

const base64 = (text: string): string => Buffer.from(text).toString('base64');
let renewals = 0;
/** A leader that renews with every look. */
const aliveLease = (): Canned => ({
  status: 200,
  body: { metadata: { name: 'rouse-controller', resourceVersion: String((renewals += 1)) }, spec: { holderIdentity: 'rouse-controller-abc-1' } },
});

const version = '/version';
const webhooks = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/rouse';
const lease = '/apis/coordination.k8s.io/v1/namespaces/rouse-system/leases/rouse-controller';
const secret = '/api/v1/namespaces/rouse-system/secrets/rouse-ca';
const usable: Answers = {
  [version]: ok({ major: '1', minor: '36' }),
  '/apis/authentication.k8s.io/v1/selfsubjectreviews': ok({ status: { userInfo: { username: 'somebody' } } }),
  '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews': ok({ status: { allowed: true } }),
  [webhooks]: absent,
  [lease]: absent,
};

interface Wrong {
  readonly answers: Answers;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly code?: number;
  /** The whole of what is said, after `rouse: `. */
  readonly says: RegExp;
}

const outside = ['--advertise', '127.0.0.1'];
const wrong: Readonly<Record<string, Wrong>> = {
  'an API server that is too old': {
    answers: { ...usable, [version]: ok({ major: '1', minor: '29+' }) },
    says: /^the API server is Kubernetes 1\.29; Rouse needs 1\.30 or newer$/,
  },
  'a token that the API server does not know': {
    answers: { ...usable, [version]: refused(401, 'Unauthorized', 'Unauthorized') },
    says: /^the API server at http:\/\/127\.0\.0\.1:\d+\/ cannot be used: Unauthorized$/,
  },
  'a Rouse in another namespace': {
    answers: { ...usable, [webhooks]: webhooksAt({ service: { namespace: 'autoscaling', name: 'rouse-controller' } }) },
    says: /^another Rouse is installed in this cluster: its webhooks lead to the Service autoscaling\/rouse-controller; uninstall that one first$/,
  },
  'a Rouse that runs in the cluster, where we are outside': {
    args: outside,
    answers: { ...usable, [webhooks]: webhooksAt({ service: { namespace: 'rouse-system', name: 'rouse-controller' } }), [lease]: aliveLease },
    says: /^another controller runs in the cluster already: rouse-controller-abc-1 leads, .*; stop it first: kubectl -n rouse-system scale deployment rouse-controller --replicas=0$/,
  },
  'a Rouse that runs outside, where we are in the cluster': {
    answers: { ...usable, [webhooks]: webhooksAt({ url: 'https://192.168.1.20:9443/admission/mutate' }), [lease]: aliveLease },
    says: /^another controller runs outside the cluster already: .*the webhooks lead to https:\/\/192\.168\.1\.20:9443\/admission\/mutate; stop that one first$/,
  },
  'a CA that was damaged': {
    answers: { ...usable, [secret]: ok({ metadata: { name: 'rouse-ca' }, data: { 'tls.crt': base64('no certificate'), 'tls.key': base64('no key') } }) },
    says: /^the Secret rouse-system\/rouse-ca holds no usable CA; delete it and it is made anew$/,
  },
  'a CA that we may not read': {
    answers: { ...usable, [secret]: refused(403, 'Forbidden', 'secrets "rouse-ca" is forbidden') },
    says: /^cannot read the Secret rouse-system\/rouse-ca: secrets "rouse-ca" is forbidden$/,
  },
  'a namespace that is not there': {
    answers: { ...usable, [secret]: absent, '/api/v1/namespaces/rouse-system/secrets': refused(404, 'NotFound', 'namespaces "rouse-system" not found') },
    says: /^the namespace rouse-system does not exist: create it, or install Rouse first$/,
  },
  'a pod in another namespace': {
    answers: {},
    env: { POD_NAMESPACE: 'autoscaling' },
    code: 2,
    says: /^this pod is in the namespace autoscaling; Rouse is installed in rouse-system, under that name only$/,
  },
  'namespaces that are none': {
    answers: {},
    args: ['--namespaces', 'team-a,Team B'],
    code: 2,
    says: /^--namespaces team-a,Team B: "Team B" is no name of a namespace; want e\.g\./,
  },
  'namespaces that are never scaled': {
    answers: {},
    args: ['--namespaces', 'kube-system'],
    code: 2,
    says: /^--namespaces kube-system: workloads in kube-system are never scaled/,
  },
};

const saysOnly = async (t: ExecutionContext, rouse: ReturnType<typeof startRouse>, code: number, says: RegExp): Promise<void> => {
  t.is(await rouse.ended, code, rouse.errors());
  const [last = ''] = rouse.errors().trim().split('\n').slice(-1);
  t.regex(last.replace(/^rouse: /, ''), says, rouse.errors());
  t.notRegex(rouse.errors(), /\n {4}at /, 'no stack trace');
  t.false(rouse.lines.some((line) => line.startsWith('ready:')));
};

for (const [what, { answers, args = [], env = {}, code = 3, says }] of Object.entries(wrong))
  test.serial(`a controller does not start with ${what}: one clear sentence, exit code ${code}`, async (t) => {
    const api = await ScriptedKubeApi.start();
    api.answer = ({ path }) => answers[path]?.();
    const directory = await mkdtemp(join(tmpdir(), 'rouse-cannot-start-'));
    t.teardown(async () => {
      await api.stop();
      await rm(directory, { recursive: true });
    });
    const kubeconfig = join(directory, 'kubeconfig');
    await writeFile(kubeconfig, api.kubeConfig);
    const rouse = startRouse(['controller', '--kubeconfig', kubeconfig, '--port', '0', '--metrics-port', '0', ...args], env);
    t.teardown(() => rouse.stop('SIGKILL'));
    await saysOnly(t, rouse, code, says);
  });

const files: Readonly<Record<string, { readonly flag: string; readonly content: string | undefined; readonly says: RegExp }>> = {
  'no CA file': { flag: '--controller-ca', content: undefined, says: /^cannot read .*\/file \(--controller-ca\): ENOENT/ },
  'a CA file that holds no certificate': {
    flag: '--controller-ca',
    content: '',
    says: /^.*\/file \(--controller-ca\) holds no certificate: want PEM, as `rouse controller --write-ca` writes it$/,
  },
  'a CA file that was cut': {
    flag: '--controller-ca',
    content: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
    says: /^.*\/file \(--controller-ca\): certificate 1 cannot be read: /,
  },
  'no token file': { flag: '--token-file', content: undefined, says: /^cannot read .*\/file \(--token-file\): ENOENT/ },
  'an empty token file': { flag: '--token-file', content: '\n', says: /^.*\/file \(--token-file\) holds no token: want the one line of a JWT$/ },
};

for (const [what, { flag, content, says }] of Object.entries(files))
  test.serial(`a gateway does not start with ${what}: one clear sentence, exit code 2`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'rouse-cannot-start-'));
    t.teardown(() => rm(directory, { recursive: true }));
    const path = join(directory, 'file');
    if (content !== undefined) await writeFile(path, content);
    const rouse = startRouse(['gateway', '--controller', 'https://127.0.0.1:1', flag, path, '--metrics-port', '0']);
    t.teardown(() => rouse.stop('SIGKILL'));
    await saysOnly(t, rouse, 2, says);
  });
