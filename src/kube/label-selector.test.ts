import test from 'ava';
import { parseLabelSelector } from './index.ts';

const reads = test.macro((t, text: string, want: ReturnType<typeof parseLabelSelector>) => {
  t.deepEqual(parseLabelSelector(text), want);
});

test('labels are pairs, with one or two equals signs', reads, 'app=web, tier == front,x.io/y=', {
  matchLabels: { app: 'web', tier: 'front', 'x.io/y': '' },
  matchExpressions: [],
});
test('sets, inequality and existence are expressions', reads, 'a in (x, y),b notin (z),c!=d,e,!f', {
  matchLabels: {},
  matchExpressions: [
    { key: 'a', operator: 'In', values: ['x', 'y'] },
    { key: 'b', operator: 'NotIn', values: ['z'] },
    { key: 'c', operator: 'NotIn', values: ['d'] },
    { key: 'e', operator: 'Exists', values: [] },
    { key: 'f', operator: 'DoesNotExist', values: [] },
  ],
});
test('an empty text says nothing', reads, '', { matchLabels: {}, matchExpressions: [] });
for (const text of ['app=', 'a in ()']) test(`"${text}" is legal`, (t) => t.not(parseLabelSelector(text), undefined));
for (const text of ['a=b=c', 'in (x)', 'a in x', 'a,,b', '=x', 'a=b c', '(a)', `${'a,'.repeat(10)}=`])
  test(`"${text}" is no selector`, (t) => t.is(parseLabelSelector(text), undefined));
