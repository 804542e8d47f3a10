import { annotation, isEnabled, parseWorkloadState, workloadKey, type SpecProblem, type WorkloadKey, type WorkloadState } from '../core/index.ts';
import type { ClusterConfig } from '../core/spec/index.ts';
import type { NamespaceView, Snapshot, SnapshotEvent, WorkloadView } from '../kube/index.ts';
import { isOlder } from './live-count.ts';
import { configKey, RouseConfig, type RouseConfigSources } from './rouse-config.ts';
import { carefulSpec, readSettings, settingsFingerprint, type SettingLayers } from './settings-of.ts';
import type { RefusedWorkload, WorkloadRecord } from './workload-record.ts';

export interface RegistrySources extends RouseConfigSources {
  /** One for each kind that may be a workload. */
  readonly workloads: readonly Snapshot<WorkloadView>[];
  readonly namespaces: Snapshot<NamespaceView> | undefined;
}

interface Entry {
  readonly record: WorkloadRecord;
  readonly fingerprint: string;
}

/**
 * Which workloads there are, and what their users said. Follows the snapshots; a workload stays until nothing of it is left to hand back.
 * Settings that cannot be read change nothing: the last good ones stand, and the problems are told.
 */
export class WorkloadRegistry {
  readonly #sources: RegistrySources;
  readonly #config: RouseConfig;
  readonly #entries = new Map<WorkloadKey, Entry>();
  readonly #refused = new Map<WorkloadKey, RefusedWorkload>();
  /** Handed back, until the watch has caught up with our last write: what it shows before that still looks as if there were something to do. */
  readonly #released = new Map<WorkloadKey, { readonly uid: string; readonly resourceVersion: string }>();
  readonly #listeners = new Set<(key: WorkloadKey) => void>();
  readonly #problemListeners = new Set<(refused: RefusedWorkload) => void>();
  readonly #stops: (() => void)[] = [];
  /** By kind, the way to stop hearing of it. */
  readonly #kinds = new Map<Snapshot<WorkloadView>, () => void>();
  #remembers = false;

  constructor(sources: RegistrySources) {
    this.#sources = sources;
    this.#config = new RouseConfig(sources);
    for (const snapshot of sources.workloads) this.addKind(snapshot);
    const stop = sources.namespaces?.subscribe(({ key }) => {
      this.#reread((view) => view.namespace === key);
    });
    if (stop !== undefined) this.#stops.push(stop);
    this.#stops.push(
      this.#config.follow(() => {
        this.#reread(() => true, true);
      }),
    );
  }

  /** One more kind that may be a workload. */
  addKind(snapshot: Snapshot<WorkloadView>): void {
    this.#kinds.set(snapshot, snapshot.subscribe(this.#onWorkload));
    for (const view of snapshot.values()) this.#update(view);
  }

  /** The kind is gone from the cluster: its workloads are, too. */
  removeKind(snapshot: Snapshot<WorkloadView>): void {
    this.#kinds.get(snapshot)?.();
    this.#kinds.delete(snapshot);
    for (const view of snapshot.values()) this.#remove(workloadKey(view));
  }

  /** The last good `rouse-config`. */
  get config(): ClusterConfig {
    return this.#config.value;
  }

  /** What is wrong with `rouse-config` as it is now. */
  get configProblems(): readonly SpecProblem[] {
    return this.#config.problems;
  }

  /** True while everything is to be handed back (`rouse uninstall`). No workload is onboarded then, whatever its own annotations say. */
  get handsBackAll(): boolean {
    return this.#config.handsBackAll;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: WorkloadKey): WorkloadRecord | undefined {
    return this.#entries.get(key)?.record;
  }

  *values(): IterableIterator<WorkloadRecord> {
    for (const { record } of this.#entries.values()) yield record;
  }

  /** Workloads that asked to be onboarded and cannot be. */
  refused(): IterableIterator<RefusedWorkload> {
    return this.#refused.values();
  }

  /** `listener` runs for each workload that came, went or changed; it must not throw. */
  subscribe(listener: (key: WorkloadKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** `listener` runs when the settings of a workload have (new) problems. */
  onProblems(listener: (refused: RefusedWorkload) => void): () => void {
    this.#problemListeners.add(listener);
    return () => this.#problemListeners.delete(listener);
  }

  /** `listener` runs when `rouse-config` was read: with what is wrong with it, or nothing. */
  onConfig(listener: (problems: readonly SpecProblem[]) => void): () => void {
    return this.#config.onRead(listener);
  }

  /**
   * While we lead, whoever takes our annotations away (an old template brought back past the webhook) does not take away what there is to hand
   * back. A standby cannot tell that from a leader that has finished, and goes by what is written.
   */
  remember(on: boolean): void {
    this.#remembers = on;
    if (on) return;
    for (const { record } of [...this.#entries.values()]) if (stateOf(record.view) === undefined) this.#update(record.view, true);
  }

  /** Everything of the workload has been handed back, as of `resourceVersion`: it is gone from here unless it is onboarded anew. */
  release(key: WorkloadKey, resourceVersion: string): void {
    const record = this.get(key);
    if (record?.phase !== 'off-boarding') return;
    this.#released.set(key, { uid: record.view.uid, resourceVersion });
    this.#remove(key);
  }

  close(): void {
    for (const stop of [...this.#stops.splice(0), ...this.#kinds.values()]) stop();
    this.#kinds.clear();
  }

  readonly #onWorkload = (event: SnapshotEvent<WorkloadView>): void => {
    if (event.type === 'set') this.#update(event.value);
    else {
      this.#released.delete(workloadKey(event.previous));
      this.#remove(workloadKey(event.previous));
    }
  };

  #reread(concerns: (view: WorkloadView) => boolean, force = false): void {
    for (const snapshot of this.#kinds.keys()) for (const view of snapshot.values()) if (concerns(view)) this.#update(view, force);
  }

  #update(view: WorkloadView, force = false): void {
    const key = workloadKey(view);
    const before = this.#entries.get(key);
    if (this.#isOldNews(key, view)) return;
    const state = stateOf(view) ?? (this.#remembers && before?.record.view.uid === view.uid ? before.record.state : undefined);
    const switched = isEnabled(view.annotations);
    const wanted = switched.ok ? switched.value : before?.record.phase === 'onboarded' || state !== undefined;
    const isAllowed = this.config.allowKinds.includes(view.resource);
    const enabled = wanted && isAllowed && !this.handsBackAll;
    const others = [...(switched.ok ? [] : [switched.problem]), ...(wanted && !isAllowed && !this.handsBackAll ? [kindNotAllowed(view)] : [])];
    if (view.deleting || (!enabled && state === undefined)) {
      if (others.length === 0 || view.deleting) this.#refused.delete(key);
      this.#drop(key);
      if (others.length > 0 && !view.deleting) this.#refuse({ key, view, problems: others });
      return;
    }
    const namespace = this.#sources.namespaces?.get(view.namespace);
    const fingerprint = settingsFingerprint(view, state, namespace);
    const layers: SettingLayers = { config: this.config, namespace, checkFormula: this.#sources.checkFormula, places: this.#sources.places };
    const phase: WorkloadRecord['phase'] = enabled ? 'onboarded' : 'off-boarding';
    const known = before !== undefined && before.fingerprint === fingerprint && !force && before.record.view.uid === view.uid;
    const record = known ? { ...before.record, view, phase, state } : this.#read({ key, view, phase, state, layers, last: before?.record, others });
    if (record === undefined) return;
    this.#refused.delete(key);
    this.#entries.set(key, { record, fingerprint });
    if (!known && record.problems.length > 0) this.#tellProblems({ key, view, problems: record.problems });
    this.#tell(key);
  }

  #isOldNews(key: WorkloadKey, view: WorkloadView): boolean {
    const released = this.#released.get(key);
    if (released === undefined) return false;
    if (released.uid === view.uid && isOlder(view.resourceVersion, released.resourceVersion)) return true;
    this.#released.delete(key);
    return false;
  }

  /** The record of a workload whose settings are new or have changed; undefined if it cannot be onboarded. */
  #read(input: {
    readonly key: WorkloadKey;
    readonly view: WorkloadView;
    readonly phase: WorkloadRecord['phase'];
    readonly state: WorkloadState | undefined;
    readonly layers: SettingLayers;
    readonly last: WorkloadRecord | undefined;
    readonly others: readonly SpecProblem[];
  }): WorkloadRecord | undefined {
    const { key, view, phase, state, last } = input;
    const parsed = readSettings(view, state, input.layers);
    const problems = [...input.others, ...(parsed.ok ? [] : parsed.problem)];
    if (!parsed.ok && last === undefined && state === undefined) {
      this.#refuse({ key, view, problems });
      return undefined;
    }
    const spec = parsed.ok ? parsed.value.spec : (last?.spec ?? carefulSpec(view));
    const ref = { resource: view.resource, namespace: view.namespace, name: view.name };
    return { key, ref, view, spec, problems, warnings: parsed.ok ? parsed.value.warnings : [], state, phase };
  }

  #refuse(refused: RefusedWorkload): void {
    const before = this.#refused.get(refused.key);
    this.#refused.set(refused.key, refused);
    const same = before !== undefined && JSON.stringify(before.problems) === JSON.stringify(refused.problems);
    if (!same) this.#tellProblems(refused);
  }

  #remove(key: WorkloadKey): void {
    this.#refused.delete(key);
    this.#drop(key);
  }

  #drop(key: WorkloadKey): void {
    if (this.#entries.delete(key)) this.#tell(key);
  }

  #tell(key: WorkloadKey): void {
    for (const listener of this.#listeners) listener(key);
  }

  #tellProblems(refused: RefusedWorkload): void {
    for (const listener of this.#problemListeners) listener(refused);
  }
}

/** A workload of a kind that its operator took out of `allow-kinds`, or never put in. */
const kindNotAllowed = ({ resource, annotations }: WorkloadView): SpecProblem => {
  const [legal, example] = [`a kind that allow-kinds of rouse-config names`, `allow-kinds: deployments.apps,statefulsets.apps,${resource}`];
  const message = `${annotation.enabled}: ${resource} is not in allow-kinds of ConfigMap ${configKey}; add it there, for example "${example}".`;
  return { key: annotation.enabled, value: annotations[annotation.enabled] ?? '', source: 'workload', legal, example, message };
};

/** Unreadable state counts as none: it is written again at onboarding, from what is there. */
const stateOf = (view: WorkloadView): WorkloadState | undefined => {
  const text = view.annotations[annotation.state];
  const parsed = text === undefined ? undefined : parseWorkloadState(text);
  return parsed?.ok === true ? parsed.value : undefined;
};
