import { after, instant, millis, type Decision, type Instant, type ScaleSpec } from '../../core/index.ts';
import type { Formulas } from '../../decider/index.ts';
import type { ConfigMapView, NamespaceView, Snapshot, WorkloadView } from '../../kube/index.ts';
import type { StartTime } from './distributions.ts';
import type { Load } from './loads.ts';

/** What is simulated: a workload under a load. */
export interface Scene {
  readonly load: Load;
  /** Of the load's seconds, so many are run. */
  readonly seconds: number;
  readonly workload: WorkloadView;
  readonly spec: ScaleSpec;
  readonly namespaces: Snapshot<NamespaceView>;
  readonly configMaps: Snapshot<ConfigMapView>;
  readonly formulas: Formulas | undefined;
  readonly startTime: StartTime;
  readonly meanServiceMs: number;
  readonly seed: number;
  /** Told what the product's own loop decides. */
  readonly decided?: (decision: Decision) => void;
}

/** A Monday, midnight UTC: where the load has no time of its own. */
const someMonday = instant(Date.UTC(2026, 0, 5));

export const loadBeginsAt = ({ load }: Scene): Instant => (load.startedAt === undefined ? someMonday : instant(load.startedAt));

/** Before the load begins its first second goes on for so long, so that every window is full and every delay is over. */
export const leadInSeconds = ({ spec: { scaling } }: Scene): number =>
  Math.ceil(Math.max(400_000, 2 * scaling.stableWindow + scaling.scaleDownDelay + scaling.scaleToZeroPodRetention) / 1000);

/** The virtual clock starts here. */
export const clockStartsAt = (scene: Scene): Instant => after(loadBeginsAt(scene), millis(-1000 * leadInSeconds(scene)));

/** Requests per second, for each second that is run. */
export const ratesOf = ({ load, seconds, meanServiceMs }: Scene): readonly number[] =>
  load.perSecond.slice(0, seconds).map((value) => (load.unit === 'rps' ? value : (value * 1000) / meanServiceMs));

/** Requests that one pod works on at once: its hard limit, or what the spec wants it to have. */
export const slotsOf = ({ spec: { scaling } }: Pick<Scene, 'spec'>): number => {
  if (scaling.containerConcurrency !== 'unlimited') return scaling.containerConcurrency;
  const target = scaling.metrics.find(({ metric }) => metric === 'concurrency')?.target ?? 100;
  return Math.max(1, Math.round(target));
};
