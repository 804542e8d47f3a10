import type { Clock, WorkloadReport } from '../core/index.ts';

/** A report as it is kept: its workloads already made into text, so that the size is known and sending it again costs nothing. */
export interface KeptReport {
  readonly sequence: number;
  /** Monotonic time of the end of its interval. */
  readonly endedAt: number;
  readonly intervalMs: number;
  readonly workloads: string;
}

/** The gateway's own memory of its last reports, for controllers that connect later: bounded by age and by bytes, oldest out first; the newest is kept whatever its size. */
export class ReportHistory {
  readonly #clock: Clock;
  readonly #mostAgeMs: number;
  readonly #mostBytes: number;
  readonly #reports: KeptReport[] = [];
  #bytes = 0;
  #sequence = 0;

  constructor(clock: Clock, mostAgeMs: number, mostBytes: number) {
    this.#clock = clock;
    this.#mostAgeMs = mostAgeMs;
    this.#mostBytes = mostBytes;
  }

  add(workloads: readonly WorkloadReport[], intervalMs: number): KeptReport {
    const report = { sequence: ++this.#sequence, endedAt: this.#clock.monotonic(), intervalMs, workloads: JSON.stringify(workloads) };
    this.#reports.push(report);
    this.#bytes += report.workloads.length;
    this.#forget();
    return report;
  }

  /** The oldest that is newer than `sequence`. */
  next(sequence: number): KeptReport | undefined {
    return this.#reports[this.#indexAfter(sequence)];
  }

  /** How many are newer than `sequence`. */
  countAfter(sequence: number): number {
    return Math.max(0, this.#reports.length - this.#indexAfter(sequence));
  }

  /** Sequences have no gaps. */
  #indexAfter(sequence: number): number {
    this.#forget();
    return Math.max(0, sequence + 1 - (this.#reports[0]?.sequence ?? 0));
  }

  #forget(): void {
    const oldest = this.#clock.monotonic() - this.#mostAgeMs;
    let gone = 0;
    for (const report of this.#reports) {
      const fits = this.#bytes <= this.#mostBytes || report.sequence === this.#sequence;
      if (report.endedAt >= oldest && fits) break;
      this.#bytes -= report.workloads.length;
      gone += 1;
    }
    if (gone > 0) this.#reports.splice(0, gone);
  }
}

/** The message for a report, `ageMs` counted at this moment. */
export const reportMessage = (report: KeptReport, now: number): string =>
  `{"type":"report","report":{"sequence":${report.sequence},"ageMs":${Math.max(0, Math.round(now - report.endedAt))},"intervalMs":${report.intervalMs},"workloads":${report.workloads}}}`;
