import test from 'ava';
import { readFileSync } from 'node:fs';
import { fieldsFile, kubernetesFields } from '../../../../test/support/kubernetes-fields.ts';
import { numberAt, objectAt, type JsonObject } from '../json.ts';
import { deploymentNamed, mergePatch, send, startedApi } from '../testing/embedded.ts';
import { decode } from './decode.ts';

const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const deployments = '/apis/apps/v1/namespaces/default/deployments';

test('the table of fields is what its generator makes of the models of client-node', async (t) => {
  t.is(readFileSync(fieldsFile, 'utf8'), await kubernetesFields());
});

test('fields that a kind does not have are named by their path and left out', (t) => {
  const { object, unknownFields } = decode(deployment, { spec: { replica: 3, template: { spec: { containers: [{ name: 'a', imag: 'x' }] } } } });
  t.deepEqual(unknownFields, ['spec.replica', 'spec.template.spec.containers[0].imag']);
  t.deepEqual(object, { spec: { template: { spec: { containers: [{ name: 'a' }] } } } });
});

const says = (problem: string): { readonly message: string } => ({
  message: `Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal ${problem}`,
});
const withContainer = (container: object): JsonObject => ({ spec: { template: { spec: { containers: [container] } } } });

// What kube-apiserver 1.36.3 says.
test('a value of the wrong type is refused in the words of the Go decoder', (t) => {
  const cases: readonly (readonly [JsonObject, string])[] = [
    [{ spec: { replicas: '3' } }, 'string into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ spec: { replicas: true } }, 'bool into Go struct field DeploymentSpec.spec.replicas of type int32'],
    [{ spec: { paused: 1 } }, 'number into Go struct field DeploymentSpec.spec.paused of type bool'],
    [{ spec: [] }, 'array into Go struct field Deployment.spec of type v1.DeploymentSpec'],
    [{ metadata: { labels: { a: 1 } } }, 'number into Go struct field ObjectMeta.metadata.labels of type string'],
    [{ metadata: { labels: [] } }, 'array into Go struct field ObjectMeta.metadata.labels of type map[string]string'],
    [withContainer({ name: 3 }), 'number into Go struct field Container.spec.template.spec.containers.name of type string'],
    [withContainer({ args: [1] }), 'number into Go struct field Container.spec.template.spec.containers.args of type string'],
    [{ spec: { template: { spec: { containers: ['x'] } } } }, 'string into Go struct field PodSpec.spec.template.spec.containers of type v1.Container'],
  ];
  for (const [object, problem] of cases) t.throws(() => decode(deployment, object), says(problem));
});

test('a number that does not fit the integer of its field is refused with the number', (t) => {
  const grace = (terminationGracePeriodSeconds: number): JsonObject => ({ spec: { template: { spec: { terminationGracePeriodSeconds } } } });
  const surge = (maxSurge: number): JsonObject => ({ spec: { strategy: { rollingUpdate: { maxSurge } } } });
  const int32 = 'into Go struct field DeploymentSpec.spec.replicas of type int32';
  const int64 = 'into Go struct field PodSpec.spec.template.spec.terminationGracePeriodSeconds of type int64';
  for (const replicas of [9_007_199_254_740_992, 2 ** 31, -(2 ** 31) - 1, 1.5]) {
    t.throws(() => decode(deployment, { spec: { replicas } }), says(`number ${replicas} ${int32}`));
  }
  t.throws(() => decode(deployment, grace(1e20)), says(`number 100000000000000000000 ${int64}`));
  t.throws(
    () => decode(deployment, surge(2 ** 32)),
    says('number 4294967296 into Go struct field RollingUpdateDeployment.spec.strategy.rollingUpdate.maxSurge of type int32'),
  );
  t.throws(
    () => decode(deployment, withContainer({ ports: [{ containerPort: 3e9 }] })),
    says('number 3000000000 into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32'),
  );
  for (const replicas of [2 ** 31 - 1, -(2 ** 31), 0]) t.notThrows(() => decode(deployment, { spec: { replicas } }));
  for (const seconds of [Number.MAX_SAFE_INTEGER, -(2 ** 63), 2 ** 62]) t.notThrows(() => decode(deployment, grace(seconds)));
});

test('over HTTP a body with such a number is BadRequest, a patch to one is Invalid, and so is a deletion with one', async (t) => {
  const api = await startedApi(t);
  const replicas = 9_007_199_254_740_992;
  const made = deploymentNamed('web');
  const refused = await send(api, 'POST', deployments, { ...made, spec: { ...objectAt(made, 'spec'), replicas } });
  t.deepEqual([refused.code, refused.body['reason']], [400, 'BadRequest']);
  t.is((await send(api, 'POST', deployments, made)).code, 201);
  for (const path of [`${deployments}/web`, `${deployments}/web/scale`]) {
    const patched = await mergePatch(api, path, { spec: { replicas } });
    t.deepEqual([patched.code, patched.body['reason']], [422, 'Invalid']);
    t.regex(patched.text, /patch: Invalid value: .*: json: cannot unmarshal number 9007199254740992 into Go struct field \w+\.spec\.replicas of type int32/);
  }
  const kept = await send(api, 'DELETE', `${deployments}/web`, { gracePeriodSeconds: 1e20 });
  t.like(kept.body, {
    code: 400,
    message: 'json: cannot unmarshal number 100000000000000000000 into Go struct field DeleteOptions.gracePeriodSeconds of type int64',
  });
  t.is(numberAt((await send(api, 'GET', `${deployments}/web`)).body, 'spec', 'replicas'), 1);
});

test('quantities may be numbers, ports and percentages may be either', (t) => {
  const container = { name: 'a', resources: { limits: { cpu: 2 } }, readinessProbe: { httpGet: { port: 'http' } } };
  const { object } = decode({ group: '', version: 'v1', kind: 'Pod' }, { spec: { containers: [container] } });
  t.deepEqual(object, { spec: { containers: [{ ...container, resources: { limits: { cpu: '2' } } }] } });
});

test('fieldValidation decides what becomes of an unknown field', async (t) => {
  const api = await startedApi(t);
  const typo = { ...deploymentNamed('web'), spce: {} };
  const strict = await send(api, 'POST', `${deployments}?fieldValidation=Strict`, typo);
  t.is(strict.code, 400);
  t.regex(strict.text, /strict decoding error: unknown field \\"spce\\"/);
  const warned = await send(api, 'POST', deployments, typo);
  t.is(warned.code, 201);
  t.is(warned.headers.get('warning'), '299 - "unknown field \\"spce\\""');
  t.false('spce' in warned.body);
  t.is((await mergePatch(api, `${deployments}/web?fieldValidation=Strict`, { spec: { replica: 1 } })).code, 400);
});
