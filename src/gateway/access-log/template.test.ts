import test from 'ava';
import fc from 'fast-check';
import { instant, workloadKey } from '../../core/index.ts';
import type { LoggedRequest } from '../request.ts';
import type { LogEntry } from './entry.ts';
import { logFieldNames } from './fields.ts';
import { compileAccessLog, type PrintLine } from './template.ts';

const requestOf = (patch: Partial<LoggedRequest> = {}): LoggedRequest => ({
  method: 'GET',
  path: '/a?b=c',
  host: 'web.example.com',
  protocol: 'HTTP/1.1',
  userAgent: 'curl/8',
  hasHeader: () => false,
  header: (name) => (name === 'x-request-id' ? '42' : undefined),
  headers: () => [],
  ...patch,
});
const entry: LogEntry = {
  arrivedAt: instant(Date.UTC(2026, 0, 2, 3, 4, 5, 6)),
  durationMs: 12.345678,
  heldMs: undefined,
  request: requestOf(),
  protocol: 'HTTP/1.1',
  clientAddress: '10.0.0.9',
  status: 200,
  requestBytes: 3,
  responseBytes: 5,
  workload: workloadKey({ resource: 'statefulsets.apps', namespace: 'shop', name: 'web' }),
  revision: '6f9c',
  pod: { name: 'web-1', address: '10.0.0.1' },
  reason: undefined,
  abortedBy: 'client',
};
const compiled = (template: string): PrintLine => {
  const result = compileAccessLog(template);
  if (!result.ok || result.value === undefined) throw new Error(result.ok ? 'off' : result.problem);
  return result.value;
};
const printed = (template: Readonly<Record<string, string>>, of: LogEntry = entry): unknown => {
  const line = compiled(JSON.stringify(template))(of);
  if (!line.endsWith('}\n') || line.indexOf('\n') !== line.length - 1) throw new Error(`not one line: ${line}`);
  return JSON.parse(line);
};

test('json has every field, numbers as numbers, and null for what there was none of', (t) => {
  t.deepEqual(JSON.parse(compiled('json')(entry)), {
    time: '2026-01-02T03:04:05.006Z',
    method: 'GET',
    path: '/a?b=c',
    host: 'web.example.com',
    protocol: 'HTTP/1.1',
    status: 200,
    duration_ms: 12.346,
    held_ms: null,
    request_bytes: 3,
    response_bytes: 5,
    namespace: 'shop',
    workload: 'statefulsets.apps/web',
    revision: '6f9c',
    pod: 'web-1',
    pod_address: '10.0.0.1',
    client_address: '10.0.0.9',
    user_agent: 'curl/8',
    reason: null,
    aborted_by: 'client',
    request_id: '42',
    traceparent: null,
  });
});

test('a template chooses, renames and joins fields; within a text what there was none of is a dash', (t) => {
  t.deepEqual(
    printed({
      ms: '%duration_ms%',
      what: '%method% %path% -> %status%',
      held: 'held %held_ms%',
      share: '100 %% of %header(X-Request-Id)%',
      always: 'x',
      '': '',
    }),
    {
      ms: 12.346,
      what: 'GET /a?b=c -> 200',
      held: 'held -',
      share: '100 % of 42',
      always: 'x',
      '': '',
    },
  );
});

test('whatever bytes a path, a header or a template has, a line is one line of JSON that says just that', (t) => {
  const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.nat({ max: 255 }).map((code) => String.fromCharCode(code)) }));
  fc.assert(
    fc.property(anything, anything, (value, text) => {
      const of = { ...entry, request: requestOf({ path: value, header: () => value }) };
      const given = printed({ alone: '%path%', joined: `${text.replaceAll('%', '%%')}%header(a)%`, [text]: 'x' }, of) as Record<string, string>;
      return (text === 'alone' || given.alone === value) && (text === 'joined' || given.joined === text + value) && given[text] === 'x';
    }),
  );
  t.pass();
});

test('off is none', (t) => {
  t.deepEqual(compileAccessLog('off'), { ok: true, value: undefined });
});

for (const [template, told] of [
  ['common', '"common" is not JSON'],
  ['[]', '[] is no object'],
  ['null', 'null is no object'],
  ['{}', '{} has no field'],
  ['{"a":1}', 'a: 1 is no string'],
  ['{"a":"%stats%"}', 'a: "%stats%" names the unknown field %stats%'],
  ['{"a":"%header()%"}', 'a: "%header()%" names the unknown field %header()%'],
  ['{"a":"%__proto__%"}', 'a: "%__proto__%" names the unknown field %__proto__%'],
  ['{"a":"100 %"}', 'a: "100 %" has a percent sign without its second'],
] as const)
  test(`${template} is refused with the key, the value, all that is legal and an example`, (t) => {
    const result = compileAccessLog(template);
    if (result.ok) return t.fail();
    t.true(result.problem.startsWith(`${told}: want off, json, or a JSON object`), result.problem);
    for (const name of logFieldNames) t.true(result.problem.includes(name));
    t.true(compileAccessLog(result.problem.slice(result.problem.lastIndexOf('e.g. ') + 5)).ok);
  });
