import { isResourceMetric, type WorkloadKey } from '../core/index.ts';
import { remembersNothing, type Decided } from '../decider/index.ts';
import type { WorkloadMetrics } from './ports.ts';
import type { WorkloadMemory } from './workload-memory.ts';
import type { WorkloadRecord } from './workload-record.ts';

/** Of so many regular looks a workload at rest gets one: it is looked at every half minute. */
const looksToOne = 15;

/** What came of a look, where it may begin a rest. */
interface Looked extends Decided {
  readonly record: WorkloadRecord;
  readonly memory: WorkloadMemory;
  /** `spec.replicas` as it is. */
  readonly live: number;
  /** Others decide along. */
  readonly hasBudget: boolean;
  /** Nothing is left to be set up, or that is another's task. */
  readonly isSetUp: boolean;
}

/** Nothing but its own load, its user or its pods can change what is decided for it: not time, and nothing that is found out by asking. */
const isLeftAlone = ({ spec: { adoptHpa, scaling } }: WorkloadRecord): boolean =>
  !adoptHpa && scaling.schedule.length === 0 && scaling.formula === undefined && !scaling.metrics.some(({ metric }) => isResourceMetric(metric));

/**
 * A workload that sleeps and of which nothing is remembered that time could change is at rest: most of its regular looks are spared until its load, its
 * object or its pods say something, so that a hundred thousand that sleep cost next to nothing. What is spared is only the same decision once more: a
 * request's poke is a look of its own, and all that changes the decision ends the rest.
 */
export class Rests {
  #begun = 0;

  /** After each look. Rests that begin together do not end together, or every half minute one tick would have all the work. */
  after({ record, memory, decision, state, live, hasBudget, isSetUp }: Looked): void {
    const sleeps = decision.kind === 'hold' && decision.to === 0 && decision.reason === 'idle' && live === 0;
    const isAtRest = sleeps && remembersNothing(state) && !hasBudget && isSetUp && !memory.isUnusual && isLeftAlone(record);
    if (!isAtRest) memory.looksToNext = 0;
    else if (memory.looksToNext > 0) memory.looksToNext = looksToOne;
    else memory.looksToNext = 1 + (this.#begun++ % looksToOne);
  }

  /** Whether this regular look is spared. A change of the object or its pods ends the rest (`Loop.changed`). */
  spares(key: WorkloadKey, memory: WorkloadMemory | undefined, metrics: Pick<WorkloadMetrics, 'isQuiet'>): boolean {
    if (memory === undefined || memory.looksToNext <= 1) return false;
    if (!metrics.isQuiet(key)) return false;
    memory.looksToNext -= 1;
    return true;
  }
}
