import test from 'ava';
import { annotation, printSavedSelector, type TakeoverRefusal, workloadKey } from '../core/index.ts';
import type { ServiceView, WorkloadView } from '../kube/index.ts';
import { aService, aWorkload } from '../../test/support/views.ts';
import { specWith } from '../../test/support/routing-scene.ts';
import { claimOf, meantSelector, pathOf, type Claim } from './paths.ts';
import type { RoutedWorkload } from './ports.ts';

const workload = (name: string, annotations: Record<string, string> = {}, view: Partial<WorkloadView> = {}): RoutedWorkload => ({
  key: workloadKey({ resource: 'deployments.apps', namespace: 'default', name }),
  view: aWorkload(name, view),
  spec: specWith(annotations),
  phase: 'onboarded',
});
const web = workload('web');
const owned: Claim = { kind: 'owned', workload: web.key };
const refusedFor = (refusal: TakeoverRefusal, ...workloads: RoutedWorkload[]): Claim => ({
  kind: 'refused',
  refusal,
  workloads: workloads.map(({ key }) => key),
});
const none: Claim = { kind: 'none' };

const claimed = test.macro((t, service: Partial<ServiceView>, candidates: readonly RoutedWorkload[], want: Claim, others?: 'selects others') => {
  t.deepEqual(
    claimOf(aService('web', service), candidates, () => others !== undefined),
    want,
  );
});
test('a Service that selects the pods is the workload’s', claimed, {}, [web], owned);
test('one that selects others is not', claimed, { selector: { app: 'api' } }, [web], none);
test('one without a selector is not', claimed, { selector: undefined }, [web], none);
test('a headless Service is left alone', claimed, { clusterIP: 'None' }, [web], none);
test('an ExternalName is left alone', claimed, { type: 'ExternalName', clusterIP: undefined }, [web], none);
test('a Service that is being deleted is left alone', claimed, { deleting: true }, [web], none);
test(
  'a UDP port is refused',
  claimed,
  { ports: [{ name: 'd', port: 53, protocol: 'UDP', targetPort: 53, appProtocol: undefined }] },
  [web],
  refusedFor('unsupported-protocol', web),
);
test('a Service of two workloads is refused for both', claimed, {}, [web, workload('api')], refusedFor('several-workloads', web, workload('api')));
test('a Service that also selects other pods is refused', claimed, {}, [web], refusedFor('other-pods', web), 'selects others');
test('path none wants nothing', claimed, {}, [workload('web', { 'rouse.dev/path': 'none' })], none);

const naming = workload('web', { 'rouse.dev/services': 'web' });
const namingAnother = workload('web', { 'rouse.dev/services': 'api' });
test('a named Service is claimed', claimed, {}, [naming], owned);
test('where Services are named, no other is claimed', claimed, {}, [namingAnother], none);
test('a named Service that selects other pods is refused', claimed, { selector: { app: 'api' } }, [naming], refusedFor('not-its-pods', naming));
test('a named headless Service is refused', claimed, { clusterIP: 'None' }, [naming], refusedFor('headless', naming));
test('a named ExternalName is refused', claimed, { type: 'ExternalName' }, [naming], refusedFor('external-name', naming));
test('a named Service without a selector is refused', claimed, { selector: undefined }, [naming], refusedFor('no-selector', naming));

const saved = { [annotation.selector]: printSavedSelector({ v: 1, workload: 'default/web', selector: { app: 'web' }, owners: [] }) };
test('a Service that is taken over stays its workload’s', claimed, { selector: undefined, annotations: saved }, [web], owned);
test('what a patch brought back is read together with what was saved', (t) => {
  t.deepEqual(meantSelector(aService('web', { annotations: saved, selector: { tier: 'x' } })), { app: 'web', tier: 'x' });
});

test('the path is gateway where there is a Service, and none where there is not', (t) => {
  t.deepEqual(
    [pathOf('auto', true), pathOf('auto', false), pathOf('direct', true), pathOf('gateway', false), pathOf('none', true)],
    ['gateway', 'none', 'direct', 'gateway', 'none'],
  );
});
