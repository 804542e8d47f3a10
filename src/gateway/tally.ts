import type { WorkloadKey } from '../core/index.ts';
import type { AccessLog } from './access-log/access-log.ts';
import type { Call, Refusal } from './call.ts';
import { countUp, type WorkloadCounters } from './counters.ts';
import type { RevisionFigures } from './revision-figures.ts';

const switchedProtocols = 101;

/** Enters what becomes of each call of one workload: into the counters once, into the access log, and into its trace. Those that are to be ignored are in none of them. */
export class Tally {
  readonly #workload: WorkloadKey;
  readonly #counters: WorkloadCounters;
  readonly #accessLog: AccessLog | undefined;

  constructor(workload: WorkloadKey, counters: WorkloadCounters, accessLog: AccessLog | undefined) {
    this.#workload = workload;
    this.#counters = counters;
    this.#accessLog = accessLog;
  }

  refused(call: Call, { code }: Refusal): void {
    call.refusedWith = code;
    countUp(this.#counters.refused, code);
  }

  /** Its answer begins with this status, or it ends without one. */
  answered(call: Call, status: number): void {
    if (call.counted || !call.metered) return;
    call.counted = true;
    countUp(this.#figuresOf(call).requests, status);
  }

  /** It is over, and still has its pod. */
  ended(call: Call, status: number, now: number): void {
    if (!call.metered) return;
    if (call.brokenOffBy !== undefined) this.#counters.aborted[call.brokenOffBy][call.counted ? 'begun' : 'none'] += 1;
    this.answered(call, status);
    this.#accessLog?.ended(call, this.#workload, status, now);
    call.trace?.ended(status, call);
    const figures = this.#figuresOf(call);
    figures.countBytes(call);
    // How long a connection was open says nothing of how fast anything is.
    if (call.request === undefined || status === switchedProtocols) return;
    figures.took(now - call.arrivedAt, call.pod === undefined ? undefined : now - call.givenAt);
  }

  #figuresOf({ pod }: Call): RevisionFigures {
    return pod === undefined ? this.#counters.revisions.none : pod.figures;
  }
}
