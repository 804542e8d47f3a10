import test from 'ava';
import { annotation, parseSavedSelector, printSavedSelector } from '../../core/index.ts';
import { mutateService } from './mutate-service.ts';
import type { Json } from './review.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const saved = printSavedSelector({ v: 1, workload: 'default/web', selector: { app: 'web', tier: 'front' }, owners: [] });
const ours = { [annotation.selector]: saved, [annotation.gatewayPorts]: '80=20000' };
const service = (selector: Record<string, string> | undefined, annotations: Record<string, string>, managedFields: readonly unknown[] = []): Json => ({
  metadata: { name: 'web', annotations, managedFields },
  spec: { ...(selector === undefined ? {} : { selector }), ports: [{ port: 80 }] },
});
const takenOver = service(undefined, { note: 'x', ...ours });

const after = (
  object: Json,
  before: Json = takenOver,
): { readonly selector: unknown; readonly saved: unknown; readonly annotations: Record<string, string>; readonly warnings: number } => {
  const verdict = mutateService(object, before, false);
  if (verdict.kind === 'deny' || verdict.mutation === undefined) throw new Error('not changed');
  const { metadata, spec } = verdict.mutation.after as { metadata: { annotations: Record<string, string> }; spec: Json };
  const parsed = parseSavedSelector(metadata.annotations[annotation.selector] ?? '');
  return {
    selector: spec['selector'],
    saved: parsed.ok ? parsed.value.selector : undefined,
    annotations: metadata.annotations,
    warnings: verdict.warnings.length,
  };
};

const keeps = test.macro((t, object: Json, selector: Record<string, string>) => {
  const got = after(object);
  t.is(got.selector, undefined);
  t.deepEqual(got.saved, selector);
  t.is(got.annotations[annotation.gatewayPorts], '80=20000');
  t.is(got.warnings, 1);
});
const applied = (selector: Record<string, string>): Record<string, string> => ({ ...ours, [lastApplied]: JSON.stringify({ spec: { selector } }) });
test('an applied manifest keeps the Service taken over, and its selector replaces the saved one', keeps, service({ app: 'web2' }, applied({ app: 'web2' })), {
  app: 'web2',
});
test(
  'a server-side apply does the same',
  keeps,
  service({ app: 'web2' }, ours, [{ manager: 'flux', operation: 'Apply', apiVersion: 'v1', fieldsV1: { 'f:spec': { 'f:selector': {} } } }]),
  { app: 'web2' },
);
test('a patch of one label is merged into the saved selector', keeps, service({ app: 'web2' }, ours), { app: 'web2', tier: 'front' });

test('a write that drops our annotations (kubectl replace) does not lose the selector', (t) => {
  const got = after(service({ app: 'web' }, {}));
  t.deepEqual(got.saved, { app: 'web', tier: 'front' });
  t.is(got.selector, undefined);
  t.is(got.annotations[annotation.gatewayPorts], '80=20000');
  t.is(got.warnings, 2);
});

test('a user cannot change what is saved', (t) => {
  t.deepEqual(after(service(undefined, { ...ours, [annotation.selector]: '{}' })).saved, { app: 'web', tier: 'front' });
});

test('a write that does not touch the selector changes nothing and warns of nothing', (t) => {
  const verdict = mutateService(service(undefined, { note: 'y', ...ours }), takenOver, false);
  t.true(verdict.kind === 'allow' && verdict.warnings.length === 0);
  t.deepEqual(after(service(undefined, { note: 'y', ...ours })).annotations, { note: 'y', ...ours });
});

test('our own writes, new Services and Services that are being handed back pass as they are', (t) => {
  t.deepEqual(mutateService(service({ app: 'web' }, ours), takenOver, true), { kind: 'allow', warnings: [] });
  t.deepEqual(mutateService(service({ app: 'web' }, ours), undefined, false), { kind: 'allow', warnings: [] });
  t.deepEqual(mutateService(service({ app: 'web' }, {}), service({ app: 'web' }, ours), false), { kind: 'allow', warnings: [] });
});
