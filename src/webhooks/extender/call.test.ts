import test from 'ava';
import fc from 'fast-check';
import { namesOnlyCall, podToPlace } from '../../../test/support/extender-call.ts';
import { parseCall as parse, type ExtenderCall } from './call.ts';
import { KnownNames } from './known-names.ts';
import { filtered, priorities, type Reply } from './reply.ts';

/** All calls here have names in common. */
const before = new KnownNames();
const parseCall = (body: Buffer): ReturnType<typeof parse> => parse(body, before);

/** As schedulers write it, and the same in a form that none writes. */
const written = (call: object): Buffer => Buffer.from(JSON.stringify(call));
const otherwise = (call: object): Buffer => Buffer.from(JSON.stringify(call, undefined, 1));

const read = (body: Buffer): ExtenderCall => {
  const call = parseCall(body);
  if (!call.ok) throw new Error(call.problem);
  return call.value;
};

const textOf = (reply: Reply): string => {
  if (typeof reply === 'string') return reply;
  const out = Buffer.alloc(reply.mostBytes, '?');
  return out.toString('utf8', 0, reply.write(out));
};

const nodeName = fc.stringMatching(/^[a-z0-9.-]{1,60}$/);
const anyName = fc.oneof(
  { weight: 20, arbitrary: nodeName },
  fc.string({ minLength: 1 }),
  fc.constantFrom('n"', 'n,', 'n]}', '","', 'ä', 'N', '\\', 'a'.repeat(253)),
);
const labels = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.constantFrom(',"Nodes":null,"NodeNames":["a"]}', '","')));
const pods = labels.map((found) => podToPlace('web', { labels: found, nested: { a: 1, Nodes: null, NodeNames: ['a'] } }));

test('a call in the form that schedulers write says the same as in any other, and so do the answers to it', (t) => {
  const calls = fc.tuple(pods, fc.array(fc.tuple(anyName, fc.integer({ min: 0, max: 10 }), fc.boolean()), { maxLength: 12 }));
  fc.assert(
    fc.property(calls, ([pod, nodes]) => {
      const names = nodes.map(([name]) => name);
      const [quick, slow] = [read(written(namesOnlyCall(pod, names))), read(otherwise(namesOnlyCall(pod, names)))];
      t.is(slow.text, undefined);
      t.deepEqual(quick.names, names);
      t.deepEqual(quick.pod, slow.pod);
      for (const scores of [undefined, nodes.map(([, score]) => score)]) t.is(textOf(priorities(quick, scores)), textOf(priorities(slow, scores)));
      for (const fits of [undefined, nodes.map(([, , fit]) => fit)]) t.is(textOf(filtered(quick, fits)), textOf(filtered(slow, fits)));
    }),
  );
});

test('names of nodes are not read one by one where they are in the form that schedulers write', (t) => {
  t.is(read(written(namesOnlyCall(podToPlace('web'), ['n1', 'n2.example.com']))).text?.count, 2);
  t.is(read(written(namesOnlyCall(podToPlace('web'), []))).text?.count, 0);
  for (const name of ['', 'N', 'a"', 'ä', 'a'.repeat(254)])
    t.is((parseCall(written(namesOnlyCall(podToPlace('web'), ['n1', name]))) as { value?: ExtenderCall }).value?.text, undefined);
});

/** What is wrong with it, or what was understood. */
const outcome = (body: Buffer): unknown => {
  const call = parseCall(body);
  return call.ok ? { pod: call.value.pod, names: [...call.value.names] } : call.problem;
};

/** A byte more, a byte less, another byte. */
const spoiled = fc
  .record({
    nodes: fc.array(nodeName, { maxLength: 4 }),
    at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    fromEnd: fc.boolean(),
    gone: fc.integer({ min: 0, max: 2 }),
    put: fc.oneof(fc.string({ maxLength: 2 }), fc.constantFrom('"', ',', ']', '}', '"a"', '","', ' ', '\n')),
  })
  .map(({ nodes, at, fromEnd, gone, put }) => {
    const text = JSON.stringify(namesOnlyCall(podToPlace('web'), nodes));
    const index = fromEnd ? text.length - Math.floor(at * 40) : Math.floor(at * text.length);
    return text.slice(0, index) + put + text.slice(index + gone);
  });

test('what no parser of JSON takes is not taken for a call, and what one takes is taken as it takes it', (t) => {
  fc.assert(
    fc.property(spoiled, (text) => {
      // A space in front is the same JSON, and not the form that schedulers write.
      t.deepEqual(outcome(Buffer.from(text)), outcome(Buffer.from(` ${text}`)));
    }),
    { numRuns: 2000 },
  );
});
