import type { LiveColdStart, LiveEvent } from './ports.ts';

const mostEvents = 200;
/** Of one workload, and workloads of which any are kept: those that woke last. */
const mostColdStarts = 5;
const mostWorkloads = 1000;

const nameOf = ({ namespace, name }: Pick<LiveEvent, 'namespace' | 'name'>): string => `${namespace}/${name}`;

/** What happened lately, for those who open the page later: within 1 MB, whatever happens. */
export class Recent {
  #events: LiveEvent[] = [];
  /** In the order in which they woke last. */
  readonly #coldStarts = new Map<string, readonly LiveColdStart[]>();

  add(event: LiveEvent): void {
    this.#events.push(event);
    if (this.#events.length >= 2 * mostEvents) this.#events = this.#events.slice(-mostEvents);
    const { coldStart } = event;
    if (event.kind === 'off-boarded') this.#coldStarts.delete(nameOf(event));
    if (coldStart === undefined) return;
    const earlier = this.#coldStarts.get(nameOf(event)) ?? [];
    this.#coldStarts.delete(nameOf(event));
    this.#coldStarts.set(nameOf(event), [...earlier, coldStart].slice(-mostColdStarts));
    const [oldest] = this.#coldStarts.keys();
    if (this.#coldStarts.size > mostWorkloads && oldest !== undefined) this.#coldStarts.delete(oldest);
  }

  /** Oldest first. */
  events(of?: Pick<LiveEvent, 'namespace' | 'name'>): readonly LiveEvent[] {
    const events = of === undefined ? this.#events : this.#events.filter((event) => nameOf(event) === nameOf(of));
    return events.slice(-mostEvents);
  }

  /** Oldest first. */
  coldStarts(of: Pick<LiveEvent, 'namespace' | 'name'>): readonly LiveColdStart[] {
    return this.#coldStarts.get(nameOf(of)) ?? [];
  }
}
