import test from 'ava';
import { request } from 'node:https';
import { at, isObject, textAt, type JsonObject } from '../json.ts';
import { send, startedApi } from '../testing/embedded.ts';

test('a token of a ServiceAccount is good for its audience alone, and only while its pod lives', async (t) => {
  const api = await startedApi(t);
  const pods = '/api/v1/namespaces/default/pods';
  await send(api, 'POST', pods, { metadata: { name: 'p' }, spec: { containers: [{ name: 'a', image: 'x' }] } });
  const request = { spec: { audiences: ['rouse-controller'], boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } } };
  const { code, body } = await send(api, 'POST', '/api/v1/namespaces/default/serviceaccounts/default/token', request);
  t.is(code, 201);
  const token = textAt(body, 'status', 'token') ?? '';
  const review = async (audience: string): Promise<JsonObject> =>
    (await send(api, 'POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec: { token, audiences: [audience] } })).body;
  const good = await review('rouse-controller');
  t.is(at(good, 'status', 'authenticated'), true);
  t.is(at(good, 'status', 'user', 'username'), 'system:serviceaccount:default:default');
  t.deepEqual(at(good, 'status', 'user', 'extra', 'authentication.kubernetes.io/pod-name'), ['p']);
  t.is(at(await review('other'), 'status', 'authenticated'), false);
  t.is((await send(api, 'GET', '/api/v1/namespaces', undefined, { authorization: `Bearer ${token}` })).code, 401);
  await send(api, 'DELETE', `${pods}/p`);
  t.is(at(await review('rouse-controller'), 'status', 'authenticated'), false);
});

test('plain HTTP answers tools of this machine, never a page in a browser', async (t) => {
  const api = await startedApi(t);
  t.is((await send(api, 'GET', '/api/v1/namespaces', undefined, { origin: 'https://evil.example' })).code, 403);
  t.is((await send(api, 'GET', '/api/v1/namespaces')).code, 200);
});

test('HTTPS is for those with a token, and says who they are', async (t) => {
  const api = await startedApi(t);
  const ask = (token: string | undefined): Promise<{ readonly code: number | undefined; readonly text: string }> =>
    new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
      const outgoing = request(`${api.url}/apis/authentication.k8s.io/v1/selfsubjectreviews`, { method: 'POST', ca: api.caPem, headers }, (incoming) => {
        let text = '';
        incoming.on('data', (chunk: Buffer) => (text += chunk.toString('utf8')));
        incoming.on('end', () => {
          resolve({ code: incoming.statusCode, text });
        });
      });
      outgoing.on('error', reject);
      outgoing.end('{}');
    });
  t.is((await ask(undefined)).code, 401);
  t.is((await ask('wrong')).code, 401);
  const known = await ask(api.adminToken);
  t.is(known.code, 201);
  t.regex(known.text, /"username":"kubernetes-admin"/);
});

test('a token that has been tampered with is worth nothing', async (t) => {
  const api = await startedApi(t);
  const token = api.serviceAccountToken('default', 'default');
  const [header = '', body = '', signature = ''] = token.split('.');
  const claims: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'));
  const other = Buffer.from(JSON.stringify({ ...(isObject(claims) ? claims : {}), sub: 'system:serviceaccount:kube-system:root' })).toString('base64url');
  const ask = (bearer: string): Promise<{ readonly code: number }> => send(api, 'GET', '/api/v1/namespaces', undefined, { authorization: `Bearer ${bearer}` });
  t.is((await ask(token)).code, 200);
  t.is((await ask(`${header}.${other}.${signature}`)).code, 401);
  t.is((await ask(`${header}.${body}.`)).code, 401);
});
