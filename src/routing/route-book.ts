import { millis, type Clock, type Millis, type Timer, type ListenerRoute, type WorkloadKey, type WorkloadRoute } from '../core/index.ts';
import type { RouteChange } from './ports.ts';

interface Page {
  readonly route: WorkloadRoute;
  readonly text: string;
  /** The revision with which it was last published. */
  readonly revision: number;
  /** By port: the revision with which the listener was first published. */
  readonly since: ReadonlyMap<number, number>;
  /** Listeners that are no longer wanted, by port: until when they stay open. */
  readonly lingering: ReadonlyMap<number, { readonly listener: ListenerRoute; readonly until: number }>;
}

type Draft = Omit<Page, 'since' | 'revision'>;

export interface RouteBookOptions {
  /** The route as the cluster is now; undefined if there is nothing to route. */
  readonly build: (key: WorkloadKey) => WorkloadRoute | undefined;
  readonly publish: (change: RouteChange) => number;
  readonly clock: Clock;
  /** How long a listener outlives its Service's hand-back: nodes still send connections for as long as they lag behind. */
  readonly linger: Millis;
}

/** What the gateways were told. Publishes differences only; changes of one turn of the event loop go out together, and never later than that turn. */
export class RouteBook {
  readonly #options: RouteBookOptions;
  readonly #pages = new Map<WorkloadKey, Page>();
  readonly #dirty = new Set<WorkloadKey>();
  readonly #timers = new Map<WorkloadKey, Timer>();
  #open = false;
  #scheduled = false;

  constructor(options: RouteBookOptions) {
    this.#options = options;
  }

  /** Says everything, as the first word, or again after a change of leader. */
  publishAll(keys: Iterable<WorkloadKey>): void {
    this.#open = true;
    const known = new Map(this.#pages);
    this.#pages.clear();
    this.#dirty.clear();
    for (const key of new Set([...keys, ...known.keys()])) this.#dirty.add(key);
    this.#flush(true, known);
  }

  touch(key: WorkloadKey): void {
    this.#dirty.add(key);
    if (!this.#open || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush(false, this.#pages);
    });
  }

  /** The revision that a gateway must have acknowledged to serve all `ports` of the workload; undefined if one of them was not yet published. */
  publishedAt(key: WorkloadKey, ports: Iterable<number>): number | undefined {
    const page = this.#pages.get(key);
    let newest = 0;
    for (const port of ports) {
      const since = page?.since.get(port);
      if (since === undefined) return undefined;
      newest = Math.max(newest, since);
    }
    return newest;
  }

  /** The revision that a gateway must have acknowledged to act by what was last said of the workload; 0 if nothing was. */
  saidAt(key: WorkloadKey): number {
    return this.#pages.get(key)?.revision ?? 0;
  }

  /** Ports that are still open though nothing points at them any more. */
  *lingeringPorts(): Iterable<number> {
    for (const { lingering } of this.#pages.values()) yield* lingering.keys();
  }

  #flush(full: boolean, before: ReadonlyMap<WorkloadKey, Page>): void {
    const upsert: WorkloadRoute[] = [];
    const remove: WorkloadKey[] = [];
    const drafts = new Map<WorkloadKey, Draft>();
    for (const key of this.#dirty) {
      const previous = before.get(key);
      const draft = this.#draft(key, previous);
      if (draft === undefined) {
        this.#pages.delete(key);
        if (previous !== undefined) remove.push(key);
        continue;
      }
      if (!full && draft.text === previous?.text) {
        this.#pages.set(key, { ...previous, lingering: draft.lingering });
        continue;
      }
      upsert.push(draft.route);
      drafts.set(key, draft);
    }
    this.#dirty.clear();
    if (!full && upsert.length === 0 && remove.length === 0) return;
    const revision = this.#options.publish({ full, upsert, remove: full ? [] : remove });
    for (const [key, draft] of drafts) {
      const known = full ? undefined : before.get(key)?.since;
      this.#pages.set(key, { ...draft, revision, since: new Map(draft.route.listeners.map(({ port }) => [port, known?.get(port) ?? revision])) });
    }
  }

  #draft(key: WorkloadKey, previous: Page | undefined): Draft | undefined {
    const now = this.#options.clock.monotonic();
    const built = this.#options.build(key);
    const wanted = new Set(built?.listeners.map(({ port }) => port));
    const lingering = new Map([...(previous?.lingering ?? [])].filter(([port, { until }]) => until > now && !wanted.has(port)));
    for (const listener of previous?.route.listeners ?? [])
      if (!wanted.has(listener.port) && previous?.lingering.has(listener.port) !== true)
        lingering.set(listener.port, { listener, until: now + this.#options.linger });
    this.#wakeAt(key, lingering, now);
    const base = built ?? (previous === undefined || lingering.size === 0 ? undefined : { ...previous.route, listeners: [], hosts: [] });
    if (base === undefined) return undefined;
    const route = { ...base, listeners: [...base.listeners, ...[...lingering.values()].map(({ listener }) => listener)] };
    return { route, text: JSON.stringify(route), lingering };
  }

  #wakeAt(key: WorkloadKey, lingering: Page['lingering'], now: number): void {
    this.#timers.get(key)?.cancel();
    this.#timers.delete(key);
    if (lingering.size === 0) return;
    const first = Math.min(...[...lingering.values()].map(({ until }) => until));
    this.#timers.set(
      key,
      this.#options.clock.after(millis(Math.max(0, first - now)), () => this.touch(key)),
    );
  }
}
