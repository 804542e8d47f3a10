import test from 'ava';
import fc from 'fast-check';
import { annotation, fieldManager } from './annotations.ts';
import {
  adoptAppliedSelector,
  handBack,
  isTakenOver,
  parseSavedSelector,
  printSavedSelector,
  release,
  savedAfterTakeover,
  selectorOf,
  takeOver,
  takenOverFor,
  type SavedSelector,
  type ServiceObject,
  type ServicePatch,
} from './taken-over-service.ts';

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const byApply = { manager: 'flux', operation: 'Apply', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:selector': {}, 'f:ports': {} } } };
const byUpdate = { manager: 'kubectl-patch', operation: 'Update', apiVersion: 'v1', fieldsType: 'FieldsV1', fieldsV1: { 'f:spec': { 'f:selector': {} } } };

const service = (selector: Record<string, string> | undefined, more: ServiceObject['metadata'] = {}): ServiceObject => ({
  metadata: { resourceVersion: '7', ...more },
  spec: selector === undefined ? {} : { selector },
});

const saved = (selector: Record<string, string>, owners: SavedSelector['owners'] = []): SavedSelector => ({ v: 1, workload: 'default/web', selector, owners });
const takenOver = (selector: Record<string, string>): ServiceObject =>
  service(undefined, { annotations: { [annotation.selector]: printSavedSelector(saved(selector)) } });

/** What the API server makes of a merge patch, as far as these patches go. */
const apply = (object: ServiceObject, patch: ServicePatch | undefined): ServiceObject => {
  if (patch === undefined) return object;
  const merge = (into: Readonly<Record<string, string>>, from: Readonly<Record<string, string | null>>): Record<string, string> =>
    Object.fromEntries(Object.entries({ ...into, ...from }).filter((entry): entry is [string, string] => entry[1] !== null));
  const annotations = merge(object.metadata?.annotations ?? {}, patch.metadata.annotations ?? {});
  const selector =
    patch.spec === undefined ? object.spec?.selector : patch.spec.selector === null ? undefined : merge(object.spec?.selector ?? {}, patch.spec.selector);
  const managedFields = patch.metadata.managedFields ?? object.metadata?.managedFields;
  return {
    metadata: { ...object.metadata, annotations, ...(managedFields === undefined ? {} : { managedFields }) },
    spec: selector === undefined ? {} : { selector },
  };
};

const labels = fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), fc.stringMatching(/^[a-z0-9]{0,5}$/), { minKeys: 1, maxKeys: 4 });

test('a takeover moves the selector into the annotation, conditional on the version that was seen', (t) => {
  const patch = takeOver(service({ app: 'web' }), 'default/web');
  t.is(patch?.metadata.resourceVersion, '7');
  t.deepEqual(patch?.spec, { selector: null });
  const result = apply(service({ app: 'web' }), patch);
  t.true(isTakenOver(result));
  t.is(takenOverFor(result), 'default/web');
  t.deepEqual(selectorOf(result), { app: 'web' });
});

test('taking over again changes nothing', (t) => {
  const once = apply(service({ app: 'web' }), takeOver(service({ app: 'web' }), 'default/web'));
  t.is(takeOver(once, 'default/web'), undefined);
});

test('a Service without a selector and without an annotation is left alone', (t) => {
  t.is(takeOver(service(undefined), 'default/web'), undefined);
  t.is(takeOver(service({}), 'default/web'), undefined);
  t.is(handBack(service({ app: 'web' })), undefined);
  t.is(release(service({ app: 'web' })), undefined);
});

test('law: takeover, hand-back and release leave any Service as it was', (t) => {
  fc.assert(
    fc.property(labels, fc.subarray([byApply, byUpdate]), (selector, managedFields) => {
      const original = service(selector, { annotations: { note: 'kept' }, managedFields });
      const taken = apply(original, takeOver(original, 'default/web'));
      // Removing the field strips its ownership from everybody; putting it back makes it ours.
      const stripped: ServiceObject = { ...taken, metadata: { ...taken.metadata, managedFields: [] } };
      const back = apply(stripped, handBack(stripped));
      const owned: ServiceObject = { ...back, metadata: { ...back.metadata, managedFields: [{ ...byUpdate, manager: fieldManager }] } };
      const released = apply(owned, release(owned));
      t.deepEqual(released.spec?.selector, selector);
      t.deepEqual(released.metadata?.annotations, { note: 'kept' });
      const owners = (released.metadata?.managedFields ?? []).map(({ manager }) => manager).sort();
      t.deepEqual(owners, managedFields.map(({ manager }) => manager).sort());
    }),
    { numRuns: 200 },
  );
});

test('law: what is saved is read back as it was', (t) => {
  fc.assert(
    fc.property(labels, (selector) => {
      const value = saved(selector, [{ manager: 'a', operation: 'Apply', apiVersion: 'v1', fields: { 'f:app': {} } }]);
      t.deepEqual(parseSavedSelector(printSavedSelector(value)), { ok: true, value });
    }),
  );
});

const cameBack = test.macro((t, live: Record<string, string>, more: ServiceObject['metadata'], want: Record<string, string>) => {
  const before = saved({ app: 'web', tier: 'front' });
  const object = service(live, { ...more, annotations: { ...more?.annotations, [annotation.selector]: printSavedSelector(before) } });
  t.deepEqual(adoptAppliedSelector(before, object).selector, want);
  t.deepEqual(savedAfterTakeover(object, 'default/web')?.selector, want);
  t.deepEqual(apply(object, handBack(object)).spec?.selector, want);
});
test(
  'a manifest applied by kubectl replaces the saved selector',
  cameBack,
  { app: 'web2' },
  { annotations: { [lastApplied]: '{"spec":{"selector":{"app":"web2"}}}' } },
  { app: 'web2' },
);
test('a server-side apply replaces the saved selector', cameBack, { app: 'web2' }, { managedFields: [byApply] }, { app: 'web2' });
test('any other patch is merged into the saved selector', cameBack, { app: 'web2' }, { managedFields: [byUpdate] }, { app: 'web2', tier: 'front' });
test(
  'a patch on a Service that was once applied is still only a patch',
  cameBack,
  { zone: 'a' },
  { annotations: { [lastApplied]: '{"spec":{"selector":{"app":"web"}}}' } },
  {
    app: 'web',
    tier: 'front',
    zone: 'a',
  },
);
test('a last-applied annotation that is no JSON counts as none', cameBack, { app: 'x' }, { annotations: { [lastApplied]: '{' } }, { app: 'x', tier: 'front' });

test('the managers who owned the selector own it again after the release, and we do not', (t) => {
  const original = service({ app: 'web' }, { managedFields: [byApply] });
  const text = takeOver(original, 'default/web')?.metadata.annotations?.[annotation.selector] ?? '';
  const without = { ...byApply, fieldsV1: { 'f:spec': { 'f:ports': {} } } };
  const ours = {
    manager: fieldManager,
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:spec': { 'f:selector': {} }, 'f:metadata': { 'f:labels': {} } },
  };
  const back = service({ app: 'web' }, { annotations: { [annotation.selector]: text }, managedFields: [without, ours] });
  t.deepEqual(release(back)?.metadata.managedFields, [
    { ...byApply, fieldsV1: { 'f:spec': { 'f:ports': {}, 'f:selector': {} } } },
    { ...ours, fieldsV1: { 'f:metadata': { 'f:labels': {} } } },
  ]);
});

test('the same manifest applied again later leaves what is saved as it was, to the letter', (t) => {
  for (const owner of [byApply, byUpdate]) {
    const original = service(
      { app: 'web' },
      {
        managedFields: [
          { ...owner, time: '2026-01-01T00:00:00Z' },
          { ...byApply, manager: 'other' },
        ],
      },
    );
    const text = takeOver(original, 'default/web')?.metadata.annotations?.[annotation.selector] ?? '';
    const later = { ...owner, time: '2026-01-01T00:05:00Z' };
    const again = service({ app: 'web' }, { annotations: { [annotation.selector]: text }, managedFields: [{ ...byApply, manager: 'other' }, later] });
    t.is(takeOver(again, 'default/web')?.metadata.annotations?.[annotation.selector], text);
  }
});

test('nothing is released before the selector is back', (t) => {
  t.is(release(takenOver({ app: 'web' })), undefined);
});

const broken = test.macro((t, text: string) => {
  t.false(parseSavedSelector(text).ok);
  const object = service(undefined, { annotations: { [annotation.selector]: text } });
  t.true(isTakenOver(object));
  t.is(handBack(object), undefined);
  t.deepEqual(apply(object, handBack(object, { app: 'web' })).spec?.selector, { app: 'web' });
});
for (const text of ['', '{', 'null', '[]', '{"v":2,"selector":{}}', '{"v":1}', '{"v":1,"selector":{"a":1}}'])
  test(`an annotation that cannot be read (${text}) is handed back from the fallback only`, broken, text);

test('managedFields of any shape are survived', (t) => {
  fc.assert(
    fc.property(fc.array(fc.object({ maxDepth: 4 })), (managedFields) => {
      const object = service({ app: 'web' }, { managedFields });
      const taken = apply(object, takeOver(object, 'default/web'));
      t.true(isTakenOver(taken));
      t.deepEqual(apply(taken, handBack(taken)).spec?.selector, { app: 'web' });
    }),
    { numRuns: 200 },
  );
});
