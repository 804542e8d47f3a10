import test from 'ava';
import { grpcTypeOf, Head } from './request-head.ts';

const root = [':method', 'GET', ':scheme', 'http', ':path', '/a'];
const read = (fields: readonly string[], hasBody = false): ReturnType<typeof Head.read> => Head.read(fields, new Set(), hasBody);
const headOf = (...fields: readonly string[]): Head => {
  const head = read([...root, ...fields]);
  if (!head.ok) throw new Error(head.problem.detail);
  return head.value;
};
/** What a pod gets beside the pseudo fields. */
const forPod = (head: Head, edge: boolean): readonly string[] => head.forPod('10.0.0.9', edge, '10.1.1.1:80').slice(8);

test('the authority is what :authority says, else Host, else the pod’s address', (t) => {
  t.is(headOf(':authority', 'Web.Example:8080').host, 'web.example');
  t.is(headOf('host', 'web.example.').host, 'web.example');
  t.is(headOf(':authority', 'a.b', 'host', 'A.B').authority, 'a.b');
  t.is(headOf().host, '');
  t.deepEqual(headOf().forPod('p', false, '10.1.1.1:80').slice(4, 6), [':authority', '10.1.1.1:80']);
  t.false(forPod(headOf(), false).includes('x-forwarded-host'));
});

test('in place of a direct connection the peer is appended, and the others are set only where they are missing', (t) => {
  t.deepEqual(
    forPod(headOf(':authority', 'a', 'x-forwarded-for', '1.1.1.1', 'x-forwarded-proto', 'https', 'x-forwarded-host', 'b', 'forwarded', 'for=x'), false),
    [...['x-forwarded-proto', 'https', 'x-forwarded-host', 'b', 'forwarded', 'for=x'], ...['x-forwarded-for', '1.1.1.1, 10.0.0.9']],
  );
});

test('as the edge it replaces them all, and what looks like them', (t) => {
  t.deepEqual(forPod(headOf(':authority', 'a', 'x-forwarded-for', '1.1.1.1', 'x_forwarded_for', '2.2.2.2', 'x-real-ip', '3', 'forwarded', 'for=x'), true), [
    ...['x-forwarded-for', '10.0.0.9', 'x-forwarded-proto', 'http', 'x-forwarded-host', 'a'],
  ]);
});

test('what must never enter a compression table keeps its mark', (t) => {
  const head = Head.read([...root, 'authorization', 'secret'], new Set(['authorization']), false);
  t.true(head.ok);
  t.deepEqual([...(head.ok ? head.value.sensitive : [])], ['authorization']);
});

const refused = test.macro({
  exec: (t, status: 400 | 417 | 501, ...fields: readonly string[]) => {
    const head = read(fields);
    t.is(head.ok ? undefined : head.problem.status, status);
  },
  title: (title) => `refused: ${title ?? ''}`,
});
test('CONNECT', refused, 400, ':method', 'CONNECT', ':authority', 'a:1');
test('a path that does not begin with a slash', refused, 400, ':method', 'GET', ':scheme', 'http', ':path', 'a');
test('a blank in the path', refused, 400, ':method', 'GET', ':scheme', 'http', ':path', '/a b');
test('a fragment in the path', refused, 400, ':method', 'GET', ':scheme', 'http', ':path', '/a#b');
test('an empty path', refused, 400, ':method', 'GET', ':scheme', 'http', ':path', '');
test('the whole server', refused, 501, ':method', 'OPTIONS', ':scheme', 'http', ':path', '*');
test('another scheme', refused, 400, ':method', 'GET', ':scheme', 'ftp', ':path', '/');
test('two names of the host', refused, 400, ...root, ':authority', 'a', 'host', 'b');
test('Host twice', refused, 400, ...root, 'host', 'a', 'host', 'a');
test('user information in the authority', refused, 400, ...root, ':authority', 'me@a');
test('another expectation', refused, 417, ...root, 'expect', 'wonders');

test('gRPC is told by its content type', (t) => {
  for (const type of ['application/grpc', 'application/grpc+proto', 'application/grpc-web+proto', 'Application/gRPC; x=1']) t.is(grpcTypeOf(type), type);
  for (const type of ['', 'application/json', 'application/grpcx', 'text/application/grpc']) t.is(grpcTypeOf(type), undefined);
});

test('a field is found by its name, and the first of several counts', (t) => {
  const head = headOf('accept', 'text/html', 'accept', '*/*', 'user-agent', 'probe');
  t.is(head.header('accept'), 'text/html');
  t.true(head.hasHeader('user-agent'));
  t.false(head.hasHeader('text/html'));
  t.is(head.userAgent, 'probe');
});
