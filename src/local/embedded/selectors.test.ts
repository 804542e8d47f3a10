import test from 'ava';
import fc from 'fast-check';
import { ApiError } from './api-error.ts';
import { fieldTerms, parseFieldSelector } from './field-selectors.ts';
import { labelSelectorMatcher, parseLabelSelector, printLabelSelector } from './selectors.ts';

const labels = { app: 'web', tier: 'front', n: '7', 'rouse.dev/x': '', empty: '' };

const matches: readonly (readonly [selector: string, selected: boolean])[] = [
  ['', true],
  ['app=web', true],
  ['app==web', true],
  ['app = web', true],
  ['app=api', false],
  ['app!=api', true],
  ['missing!=x', true],
  ['app', true],
  ['missing', false],
  ['!missing', true],
  ['! app', false],
  ['app in (api, web)', true],
  ['app in (api)', false],
  ['app notin (api)', true],
  ['missing notin (api)', true],
  ['missing in (api)', false],
  ['n>6', true],
  ['n<7', false],
  ['app>6', false],
  ['app=web,tier=front', true],
  ['app=web,tier=back', false],
  ['app=web,tier in (front,back),!missing', true],
  ['empty=', true],
  ['empty', true],
  ['app=', false],
  ['empty in (,x)', true],
  ['rouse.dev/x', true],
  ['in=x', false],
];
test('Label selectors select as Kubernetes does', (t) => {
  for (const [selector, selected] of matches) t.is(parseLabelSelector(selector)(labels), selected, selector);
});

test('What is not a label selector is 400, with what was expected', (t) => {
  for (const selector of [
    'a=b,',
    ',a',
    'a in',
    'a in (',
    'a in ()',
    'a in b',
    'a b',
    'a=b c',
    '!a=b=c',
    'a>x',
    '-a=b',
    'a=-',
    'a=b=c',
    '()',
    '=',
    `a=${'x'.repeat(64)}`,
  ]) {
    const error = t.throws(() => parseLabelSelector(selector), { instanceOf: ApiError }, selector);
    t.is(error.code, 400, selector);
  }
});

test('A LabelSelector object selects nothing if absent, everything if empty, and all of its parts must hold', (t) => {
  t.false(labelSelectorMatcher(undefined)(labels));
  t.true(labelSelectorMatcher({})(undefined));
  t.true(labelSelectorMatcher({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'In', values: ['front'] }] })(labels));
  t.false(labelSelectorMatcher({ matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'DoesNotExist' }] })(labels));
  t.true(labelSelectorMatcher({ matchExpressions: [{ key: 'x', operator: 'NotIn', values: ['y'] }] })(labels));
  t.throws(() => labelSelectorMatcher({ matchExpressions: [{ key: 'x', operator: 'in', values: ['y'] }] }), { instanceOf: ApiError });
});

test('The string form of a LabelSelector object selects the same', (t) => {
  const key = fc.constantFrom('app', 'tier', 'n', 'missing');
  const values = fc.uniqueArray(fc.constantFrom('web', 'front', '7', 'x'), { minLength: 1, maxLength: 3 });
  const expression = fc.oneof(
    fc.record({ key, operator: fc.constantFrom('In', 'NotIn'), values }),
    fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
  );
  const selector = fc.record({
    matchLabels: fc.dictionary(key, fc.constantFrom('web', 'front', '7')),
    matchExpressions: fc.array(expression, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(selector, fc.subarray(Object.entries(labels)), (object, some) => {
      const have = Object.fromEntries(some);
      t.is(parseLabelSelector(printLabelSelector(object))(have), labelSelectorMatcher(object)(have));
    }),
  );
});

const pod = { metadata: { name: 'p', namespace: 'ns' }, spec: { nodeName: 'n1' }, status: { phase: 'Running', podIPs: [{ ip: '10.0.0.1' }] } };
const podFields = ['spec.nodeName', 'status.phase', 'spec.hostNetwork', 'status.podIPs'];

test('Field selectors compare fields as text; what is absent is empty', (t) => {
  const selected = (text: string): boolean => parseFieldSelector(text, podFields)(pod);
  t.true(selected(''));
  t.true(selected('metadata.name=p'));
  t.true(selected('metadata.name==p,metadata.namespace=ns,spec.nodeName=n1'));
  t.false(selected('status.phase!=Running'));
  t.true(selected('status.phase!=Failed,status.phase!=Succeeded'));
  t.true(selected('spec.hostNetwork=false'));
  t.true(selected('status.podIPs=10.0.0.1'));
  t.true(parseFieldSelector('spec.nodeName=', podFields)({ metadata: { name: 'q' } }));
});

test('An event is selected by the object it is about and by its source', (t) => {
  const event = { metadata: { name: 'e' }, involvedObject: { name: 'p', uid: 'u' }, source: { component: 'kubelet' } };
  t.true(parseFieldSelector('involvedObject.name=p,involvedObject.uid=u,source=kubelet', ['involvedObject.name', 'involvedObject.uid', 'source'])(event));
});

test('Escaped commas, equals signs and backslashes belong to the value', (t) => {
  t.deepEqual(fieldTerms('metadata.name=a\\,b\\=c\\\\d', []), [{ field: 'metadata.name', equal: true, value: 'a,b=c\\d' }]);
  t.throws(() => fieldTerms('metadata.name=a=b', []), { instanceOf: ApiError });
});

test('An unknown field is 400 and says so', (t) => {
  t.is(t.throws(() => parseFieldSelector('spec.foo=x', podFields), { instanceOf: ApiError }).message, 'field label not supported: spec.foo');
  t.is(
    t.throws(() => parseFieldSelector('spec.replicas=1', []), { instanceOf: ApiError }).message,
    '"spec.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
  );
  t.is(t.throws(() => parseFieldSelector('metadata.name', []), { instanceOf: ApiError }).code, 400);
});
