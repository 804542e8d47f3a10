import { annotation, messageOf, parseDuration, printWorkloadState, silentLogger, systemNamespace, workloadKey, type ScaleSpec } from '../../core/index.ts';
import { loadFormulas, type Formulas } from '../../decider/index.ts';
import { configMapView, namespaceView, SnapshotStore, workloadView, type ConfigMapView, type NamespaceView, type WorkloadView } from '../../kube/index.ts';
import { WorkloadRegistry } from '../../scaler/index.ts';
import { CommandError } from '../exit-code.ts';
import type { SimulateFlags } from '../flags.ts';
import { isWorkload, mentionsFormula, podTemplate, readManifests, type SourcedManifest } from '../manifests.ts';
import type { StartTime } from './distributions.ts';
import { readBounded } from '../read-bounded.ts';
import { parseLoad } from './load-file.ts';
import { builtInLoad, builtInLoads, type Load } from './loads.ts';
import { notSimulated } from './not-simulated.ts';
import { leadInSeconds, ratesOf, type Scene } from './scene.ts';

const usage = (message: string, cause?: unknown): CommandError => new CommandError('usage', message, cause);

const largestFile = 64 * 1024 * 1024;
const mostRequests = 20_000_000;

/** Reads what the command line names; throws a `CommandError` that says what is wrong, and where. */
export const readScene = async (flags: Pick<SimulateFlags, 'load' | 'spec' | 'duration' | 'seed' | 'startTime' | 'serviceTime'>): Promise<Scene> =>
  sceneOf(await readManifests([flags.spec]), flags.spec, await readLoad(flags.load, flags.seed), flags);

/** The same, of manifests that are here already. */
export const sceneOf = async (
  manifests: readonly SourcedManifest[],
  path: string,
  load: Load,
  flags: Pick<SimulateFlags, 'duration' | 'seed' | 'startTime' | 'serviceTime'>,
): Promise<Scene> => {
  const workload = workloadOf(manifests, path);
  const formulas = manifests.some(({ object }) => mentionsFormula(object)) ? await loadFormulas() : undefined;
  const [namespaces, configMaps] = layersOf(manifests);
  const spec = specOf(workload, namespaces, configMaps, formulas, path);
  const scene: Scene = {
    load,
    seconds: Math.min(load.perSecond.length, flags.duration === undefined ? Infinity : Math.ceil(duration('--duration', flags.duration, 1000) / 1000)),
    workload,
    spec,
    namespaces,
    configMaps,
    formulas,
    startTime: startTime(flags.startTime),
    meanServiceMs: duration('--service-time', flags.serviceTime, 0.001),
    seed: flags.seed,
  };
  const rates = ratesOf(scene);
  const requests = rates.reduce((sum, rate) => sum + rate, (rates[0] ?? 0) * leadInSeconds(scene));
  if (requests > mostRequests)
    throw usage(
      `load ${load.name} has some ${Math.round(requests)} requests, at most ${mostRequests} are simulated: run less of it with --duration, or record less of it`,
    );
  return scene;
};

const readLoad = async (name: string, seed: number): Promise<Load> => {
  const builtIn = builtInLoad(name, seed);
  if (builtIn !== undefined) return builtIn;
  try {
    const parsed = parseLoad(await readBounded(name, largestFile, `the load ${name}`), name);
    if (parsed.ok) return parsed.value;
    throw usage(`the load ${name}, ${parsed.problem}`);
  } catch (failure) {
    if (failure instanceof CommandError) throw failure;
    const code = failure instanceof Error && 'code' in failure ? failure.code : undefined;
    const why = code === 'ENOENT' ? `it is no file, and none of ${builtInLoads.join(', ')}` : code === 'EISDIR' ? 'it is a directory' : messageOf(failure);
    throw usage(`cannot read the load ${name}: ${why}`, failure);
  }
};

/** The one workload of the manifests, switched on and set up: that which says something to Rouse, or the only one there is. Where it says `observe`, what would be written is what is simulated. */
const workloadOf = (manifests: readonly SourcedManifest[], path: string): WorkloadView => {
  const ours = manifests.filter(({ object }) => isWorkload(object));
  const found = ours.length > 0 ? ours : manifests.filter(({ object }) => podTemplate(object) !== undefined);
  const [only] = found;
  if (only === undefined) throw usage(`${path}: there is no workload in it; want a Deployment with annotations of rouse.dev`);
  if (found.length > 1) throw usage(`${path}: there are ${found.length} workloads in it (${found.map(({ at }) => at).join(', ')}); want one`);
  const view = workloadView('deployments.apps')(only.object);
  const state = printWorkloadState({ v: 1, replicasBefore: view.specReplicas });
  const annotations = { ...view.annotations, [annotation.enabled]: 'true', [annotation.state]: state, 'rouse.dev/mode': 'enforce' };
  return { ...view, namespace: view.namespace === '' ? 'default' : view.namespace, uid: 'simulated', annotations };
};

const fail = (problem: unknown): never => {
  throw problem;
};

/** Namespaces and `rouse-config`, where the file has them: their settings are defaults of the workload's. Whatever namespace that ConfigMap names, it is the cluster's. */
const layersOf = (manifests: readonly SourcedManifest[]): readonly [SnapshotStore<NamespaceView>, SnapshotStore<ConfigMapView>] => {
  const namespaces = new SnapshotStore<NamespaceView>(fail);
  const configMaps = new SnapshotStore<ConfigMapView>(fail);
  const entry = { uid: 'simulated', resourceVersion: '1' };
  for (const { object } of manifests) {
    const { name } = object.metadata;
    if (object.kind === 'Namespace') namespaces.set({ ...entry, namespace: '', name, value: namespaceView(object) });
    if (object.kind === 'ConfigMap' && name === 'rouse-config') configMaps.set({ ...entry, namespace: systemNamespace, name, value: configMapView(object) });
  }
  return [namespaces, configMaps];
};

/** What the product reads from the annotations. */
const specOf = (
  workload: WorkloadView,
  namespaces: SnapshotStore<NamespaceView>,
  configMaps: SnapshotStore<ConfigMapView>,
  formulas: Formulas | undefined,
  path: string,
): ScaleSpec => {
  const workloads = new SnapshotStore<WorkloadView>(fail);
  workloads.set({ namespace: workload.namespace, name: workload.name, uid: workload.uid, resourceVersion: '1', value: workload });
  const registry = new WorkloadRegistry({
    workloads: [workloads],
    namespaces,
    configMaps,
    checkFormula: formulas === undefined ? undefined : (text) => formulas.check(text),
    logger: silentLogger,
  });
  const record = registry.get(workloadKey(workload));
  if (registry.handsBackAll)
    throw usage(`${path}: ConfigMap rouse-config says ${annotation.handBack}: all, so that Rouse scales nothing; there is nothing to simulate`);
  const problems = [...registry.configProblems, ...(record?.problems ?? [...registry.refused()].flatMap((refused) => refused.problems))];
  registry.close();
  if (record === undefined || problems.length > 0) throw usage([`${path}: its settings are not legal`, ...problems.map(({ message }) => message)].join('\n  '));
  const { metrics, formula } = record.spec.scaling;
  if (formula === undefined && !metrics.some(({ metric }) => metric === 'concurrency' || metric === 'rps' || metric === 'held'))
    throw usage(`${path}: it scales on ${metrics.map(({ metric }) => metric).join(', ')}; only concurrency, rps and held are simulated`);
  const unknown = notSimulated(record.spec.scaling, formulas);
  if (formula !== undefined && unknown.length > 0)
    throw usage(`${path}: its formula reads ${unknown.join(', ')}; only concurrency, rps and held are simulated`);
  if (record.spec.path === 'none' || record.spec.path === 'direct')
    throw usage(`${path}: rouse.dev/path is ${record.spec.path}, so that no gateway would count its requests; there is nothing to simulate`);
  return record.spec;
};

const longestMs = 7 * 24 * 3600 * 1000;

const duration = (flag: string, text: string, least: number): number => {
  const parsed = parseDuration(text);
  if (parsed === undefined || parsed < least || parsed > longestMs)
    throw usage(`${flag} ${text}: want a duration from ${least} ms to a week, e.g. 500ms, 5s, 10m`);
  return parsed;
};

const startTime = (text: string): StartTime => {
  const [from = '', to = from, ...rest] = text.split('..');
  const times = { fromMs: duration('--start-time', from, 0), toMs: duration('--start-time', to, 0) };
  const isRange = times.toMs > times.fromMs;
  if (rest.length > 0 || times.toMs < times.fromMs || (isRange && times.fromMs === 0))
    throw usage(`--start-time ${text}: want a duration (5s), or two, the shorter first (2s..8s)`);
  return times;
};
