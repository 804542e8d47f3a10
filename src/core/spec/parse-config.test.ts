import test from 'ava';
import fc from 'fast-check';
import { operatorNames, operatorSettings } from './operator-settings.ts';
import { parseConfig } from './parse-config.ts';

const messages = (data: Readonly<Record<string, string>>): readonly string[] => {
  const result = parseConfig(data);
  return result.ok ? [] : result.problem.map(({ message }) => message);
};

test('an empty rouse-config is the built-in configuration', (t) => {
  const result = parseConfig({});
  t.true(result.ok);
  if (result.ok)
    t.deepEqual(result.value.config, {
      defaults: {},
      maxScaleLimit: 'unlimited',
      allowKinds: ['deployments.apps', 'statefulsets.apps'],
      budget: undefined,
      trustedProxies: [],
      perWorkloadMetrics: 5000,
      accessLog: 'off',
    });
});

for (const name of operatorNames) {
  test(`the example and the default of ${name} are legal`, (t) => {
    t.true(operatorSettings[name].parse(operatorSettings[name].example).ok);
    t.true(operatorSettings[name].parse(operatorSettings[name].initial).ok);
  });
}

test('defaults of settings are kept as written, and checked', (t) => {
  const result = parseConfig({ window: '90s', 'max-scale-limit': '10', budget: '{pods: 200, namespaces: {shop: {pods: 50, priority: 10}}}' });
  t.true(result.ok);
  if (!result.ok) return;
  t.deepEqual(result.value.config.defaults, { window: '90s' });
  t.is(result.value.config.maxScaleLimit, 10);
  t.deepEqual(result.value.config.budget, { pods: 200, namespaces: { shop: { pods: 50, priority: 10 } } });
  t.deepEqual(result.value.warnings, []);
});

test('unknown keys, settings of workloads alone and bad values are problems, all at once', (t) => {
  const found = messages({
    windo: '2s',
    policy: 'kpa',
    enabled: 'true',
    window: '2s',
    traffic: 'x',
    budget: '[1]',
    'trusted-proxies': '10.0.0.0/33,::1/129',
    'allow-kinds': 'Deployment',
    'access-log': 'on',
  });
  t.is(found.length, 9);
  for (const expected of [
    /did you mean window/,
    /policy in ConfigMap rouse-config: can only be set on a workload/,
    /enabled .* only be set on a workload/,
    /a duration from 6s/,
    /not available/,
    /is not a map/,
    /10\.0\.0\.0\/33/,
    /"Deployment"/,
    /off or json/,
  ])
    t.true(
      found.some((message) => expected.test(message)),
      String(expected),
    );
});

test('a budget that is none says what is wrong with it', (t) => {
  for (const [text, why] of [
    ['{pods: -1}', /has pods that are not a whole number from 0; it takes YAML \{pods\?/],
    ['{pod: 1}', /is not a map of pods and namespaces/],
    ['{namespaces: [shop]}', /has namespaces that are not a map/],
    ['{namespaces: {Shop: {pods: 1}}}', /names "Shop", which can be no namespace/],
    ['{namespaces: {shop: {pods: many}}}', /no whole numbers pods and priority for namespace "shop"/],
    ['{namespaces: {shop: {priority: 1.5}}}', /no whole numbers pods and priority/],
    ['{namespaces: {shop: {prio: 1}}}', /no whole numbers pods and priority/],
    ['{pods: 1', /is not YAML/],
  ] as const)
    t.regex(messages({ budget: text })[0] ?? '', why, text);
  t.deepEqual(messages({ budget: '{namespaces: {constructor: {priority: -3}}}' }), []);
});

test('a default above the limit that the same file sets is a problem', (t) => {
  t.regex(messages({ 'max-scale-limit': '5', 'max-scale': '6' })[0] ?? '', /above max-scale-limit/);
});

test('CIDRs of both families are read', (t) => {
  t.deepEqual(messages({ 'trusted-proxies': '10.0.0.0/8, fd00::/8,192.168.1.1/32,::/0' }), []);
  for (const bad of ['10.0.0.0', '010.0.0.0/8', '10.0.0.0./8', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0/8', '300.0.0.0/8', 'fd00::/129', ':::/8', 'host/8'])
    t.is(messages({ 'trusted-proxies': bad }).length, 1, bad);
  t.regex(messages({ 'trusted-proxies': '10.0.0.0/8,'.repeat(1000) + '::1/128' })[0] ?? '', /has 1001 of them.*at most 1000 CIDRs/);
});

test('no data at all makes the reader throw', (t) => {
  t.notThrows(() => {
    fc.assert(
      fc.property(fc.dictionary(fc.oneof(fc.string(), fc.constantFrom(...operatorNames)), fc.string()), (data) => typeof parseConfig(data).ok === 'boolean'),
    );
  });
});
