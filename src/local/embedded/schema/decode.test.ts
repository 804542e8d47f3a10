import test from 'ava';
import { readFileSync } from 'node:fs';
import { fieldsFile, kubernetesFields } from '../../../../test/support/kubernetes-fields.ts';
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

test('a value of the wrong type is refused in the words of the Go decoder', (t) => {
  t.throws(() => decode(deployment, { spec: { replicas: '3' } }), {
    message: 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field spec.replicas of type int32',
  });
  t.throws(() => decode(deployment, { spec: [] }), { message: /cannot unmarshal array into Go struct field spec of type/ });
  t.throws(() => decode(deployment, { metadata: { labels: { a: 1 } } }), {
    message: /cannot unmarshal number into Go struct field metadata\.labels\.a of type string/,
  });
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
