import { millis, seconds, type Clock, type Logger, type Random } from '../../../core/index.ts';
import { CommandError } from '../../exit-code.ts';
import type { GatewayFlags } from '../../flags.ts';
import type { StopGateway } from '../linked-gateway.ts';
import type { EdgePortNumbers } from '../../listen.ts';
import type { SharedPorts } from './shared-ports.ts';
import { WorkerProcess, type WorkerEnd } from './worker-process.ts';

export interface SupervisorOptions {
  readonly flags: GatewayFlags;
  readonly podName: string;
  /** Names this gateway among all. */
  readonly gateway: string;
  readonly ports: SharedPorts;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** A worker's process is over. */
  readonly ended: (worker: WorkerProcess, end: WorkerEnd) => void;
}

/** A worker that lives this long has not failed at once. */
const livesAfter = seconds(60);
const firstBackoffMs = 200;
const longestBackoffMs = 30_000;
/** How long a new worker may take to serve before a restart is given up. */
const servesWithin = seconds(120);
/** A drain has its own limits (25 s for the slices, 2 s to settle, 60 s for what is in flight); what is not over by then hangs. */
const endsWithin = seconds(95);

interface Slot {
  readonly index: number;
  /** The one that is to be there; undefined while its successor is waited for. */
  worker: WorkerProcess | undefined;
  failures: number;
}

/** Keeps one worker in each of its slots: replaces those that end, and on request all of them, one after the other, without a moment in which nobody accepts. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: readonly Slot[];
  readonly #processes = new Set<WorkerProcess>();
  readonly #stopping = new AbortController();
  /** Ids of workers that ended without a word, for the controllers. The newest. */
  readonly #lost: string[] = [];
  #restarting: Promise<void> | undefined;
  #again = false;
  #started = false;
  #servedOnce = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = Array.from({ length: options.flags.workers }, (_, index) => ({ index, worker: undefined, failures: 0 }));
  }

  /** Every process, those that are on their way out too. */
  get processes(): Iterable<WorkerProcess> {
    return this.#processes;
  }

  /** How many serve, of those that are to stay. */
  get serving(): number {
    return this.#slots.filter(({ worker }) => worker?.serves === true).length;
  }

  /** Undefined once every worker has served, as long as one does. */
  notReady(): string | undefined {
    this.#servedOnce ||= this.serving === this.#slots.length;
    if (this.#servedOnce && this.serving > 0) return undefined;
    const missing = this.#slots.find(({ worker }) => worker?.serves !== true);
    return `worker ${missing?.index ?? 0}: ${missing?.worker?.waitsFor ?? 'it has ended and is started anew'}`;
  }

  /** Starts all. Rejects where one of them cannot: then none is left. Gives the shared ports, those that there are. */
  async start(): Promise<EdgePortNumbers> {
    const workers = this.#slots.map((slot) => this.#fill(slot));
    const first = await Promise.race([Promise.all(workers.map(({ started }) => started)), ...workers.map(async (worker) => worker.ended)]);
    if (Array.isArray(first)) {
      this.#started = true;
      return workers[0]?.ports ?? { sharedPort: undefined, tlsPort: undefined };
    }
    await this.stop('at-once');
    const { failed, how } = first;
    if (failed === undefined) throw new CommandError('failure', `a worker ended while it started: ${how}`);
    throw new CommandError(failed.exitCode === 2 ? 'usage' : 'failure', failed.message);
  }

  /** Replaces all workers. While that is under way, one more request is kept. */
  restart(): void {
    if (!this.#started || this.#stopping.signal.aborted) return;
    if (this.#restarting !== undefined) {
      this.#again = true;
      return;
    }
    this.#restarting = this.#replaceAll().finally(() => {
      this.#restarting = undefined;
      if (this.#again && !this.#stopping.signal.aborted) this.restart();
    });
  }

  /** Ends all, each in order and side by side. Resolves when no process is left. */
  async stop(how: StopGateway): Promise<void> {
    this.#stopping.abort(new Error('the gateway ends'));
    await Promise.all([...this.#processes].map((worker) => this.#end(worker, how)));
  }

  killAll(): void {
    for (const worker of this.#processes) worker.kill();
  }

  #fill(slot: Slot): WorkerProcess {
    const worker = this.#spawn(slot.index);
    slot.worker = worker;
    void this.#watch(slot, worker);
    return worker;
  }

  #spawn(index: number): WorkerProcess {
    const { flags, podName, gateway, ports, ended } = this.#options;
    const worker = new WorkerProcess({ flags, podName, index, gateway, ended: this.#lost }, ports);
    this.#processes.add(worker);
    void worker.ended.then((end) => {
      this.#processes.delete(worker);
      if (!end.inOrder && worker.id !== undefined) this.#lost.push(worker.id);
      this.#lost.splice(0, this.#lost.length - mostLost);
      ended(worker, end);
    });
    void worker.serving.then(() => {
      if (this.serving === this.#slots.length) ports.closeUnused();
    });
    return worker;
  }

  /** Until it ends; then another takes its place, the later the more have failed one after the other. */
  async #watch(slot: Slot, worker: WorkerProcess): Promise<void> {
    const { clock, random, logger } = this.#options;
    const startedAt = clock.monotonic();
    const { how, failed } = await worker.ended;
    if (slot.worker !== worker || this.#stopping.signal.aborted) return;
    slot.worker = undefined;
    slot.failures = clock.monotonic() - startedAt >= livesAfter ? 1 : slot.failures + 1;
    const delay = slot.failures === 1 ? 0 : Math.min(longestBackoffMs, firstBackoffMs * 2 ** (slot.failures - 2)) * (0.5 + random());
    const fields = { worker: slot.index, pid: worker.pid, how, ...(failed === undefined ? {} : { problem: failed.message }), againInMs: Math.round(delay) };
    logger.error('a worker has ended; another takes its place', fields);
    try {
      await clock.sleep(millis(delay), this.#stopping.signal);
    } catch {
      return;
    }
    if (this.#slotIsEmpty(slot)) this.#fill(slot);
  }

  #slotIsEmpty(slot: Slot): boolean {
    return slot.worker === undefined;
  }

  /** One slot after the other: a new worker, until it serves; then the old one is let go. Where a new one does not come to serve, the old ones stay. */
  async #replaceAll(): Promise<void> {
    const { logger } = this.#options;
    this.#again = false;
    logger.info('every worker is replaced', { workers: this.#slots.length });
    const leaving: Promise<unknown>[] = [];
    for (const slot of this.#slots) {
      const next = this.#spawn(slot.index);
      const problem = await this.#comesToServe(next);
      if (this.#stopping.signal.aborted) break;
      if (problem !== undefined) {
        logger.error('a new worker does not come to serve; the old ones stay', { worker: slot.index, problem });
        next.kill();
        break;
      }
      const old = slot.worker;
      slot.worker = next;
      slot.failures = 0;
      void this.#watch(slot, next);
      if (old !== undefined) leaving.push(this.#end(old, 'replaced'));
    }
    await Promise.all(leaving);
    logger.info('the restart is over', { replaced: leaving.length });
  }

  async #comesToServe(worker: WorkerProcess): Promise<string | undefined> {
    const waiting = new AbortController();
    const late = this.#options.clock.sleep(servesWithin, AbortSignal.any([waiting.signal, this.#stopping.signal])).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    const outcome = await Promise.race([worker.serving, late]);
    waiting.abort();
    if (outcome === true) return undefined;
    if (outcome === 'late') return worker.waitsFor ?? 'it takes too long';
    const { failed, how } = await worker.ended;
    return failed?.message ?? how;
  }

  async #end(worker: WorkerProcess, how: StopGateway): Promise<void> {
    const timer = this.#options.clock.after(endsWithin, () => {
      this.#options.logger.error('a worker does not end; it is killed', { worker: worker.index, pid: worker.pid });
      worker.kill();
    });
    worker.stop(how);
    await worker.ended;
    timer.cancel();
  }
}

const mostLost = 64;
