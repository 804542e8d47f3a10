import { isAbort, type FirstByte, type Poke, type WorkloadKey } from '../core/index.ts';
import { noFormulas } from '../decider/index.ts';
import type { PodView } from '../kube/index.ts';
import { LeftOutMetrics } from './adopted-metrics-left-out.ts';
import { Applier } from './applier.ts';
import { BudgetLedger, type BudgetFigures } from './budget-ledger.ts';
import { ColdStarts } from './cold-start.ts';
import { Decided } from './decided.ts';
import type { ScalerEvent } from './events.ts';
import { Journal } from './journal.ts';
import { KubeEvents } from './kube-events.ts';
import { Loop } from './loop.ts';
import { OffBoarding } from './off-boarding.ts';
import { startHpaLook, startSetUp } from './onboarding.ts';
import { PodsOf } from './pods-of.ts';
import type { ResourceOf, ScalerPorts } from './ports.ts';
import { RefusedPods } from './refused-pods.ts';
import { StatusWriter } from './status-writer.ts';
import { Turns } from './turns.ts';
import { WakeWatch } from './wake-watch.ts';
import { Memories, type WorkloadMemory } from './workload-memory.ts';
import type { RefusedWorkload, WorkloadRecord } from './workload-record.ts';
import { SlicedRound, tickPeriod } from './tick.ts';
import { builtInResource } from './workload-kinds.ts';

export interface Scaler {
  /** Looks at every workload every 2 s until `signal` aborts. */
  run(signal: AbortSignal): Promise<void>;
  /** Writes what is decided until `signal` aborts; resolves when nothing is written any more. */
  lead(signal: AbortSignal): Promise<void>;
  poke(poke: Poke): void;
  firstByte(message: FirstByte): void;
  /** Transitions, for people and metrics, while we lead. `listener` must not throw. */
  onEvent(listener: (event: ScalerEvent) => void): () => void;
  /** What is decided, and why. */
  readonly decided: Decided;
  /** The ceilings of the budget, with what is under them. */
  budget(): readonly BudgetFigures[];
  /** The pods of a workload that is looked after, as the watch shows them. */
  podsOf(key: WorkloadKey): Iterable<PodView>;
  /** What is decided is written. */
  readonly leads: boolean;
}

/** Sleeping workloads that are started at once to be handed back. */
const startedAtOnce = 50;

class WorkloadScaler implements Scaler {
  readonly decided: Decided;
  readonly #ports: ScalerPorts;
  readonly #resourceOf: ResourceOf;
  readonly #memories = new Memories();
  readonly #journal: Journal;
  readonly #coldStarts: ColdStarts;
  /** Of this term: another leader may publish in between. */
  #status: StatusWriter;
  readonly #podsOf: PodsOf;
  readonly #refusedPods: RefusedPods;
  readonly #leftOut = new LeftOutMetrics();
  readonly #loop: Loop;
  readonly #round: SlicedRound;
  readonly #budget: BudgetLedger;
  readonly #kubeEvents: KubeEvents | undefined;
  readonly #listeners = new Set<(event: ScalerEvent) => void>();
  readonly #turns = new Turns(startedAtOnce);
  #term: AbortSignal | undefined;
  #applier: Applier | undefined;
  #running = false;

  constructor(ports: ScalerPorts) {
    this.#ports = ports;
    this.#journal = ports.journal ?? new Journal();
    const { clock, registry, pods } = ports;
    this.#resourceOf = (resource) => builtInResource(resource) ?? ports.resourceOf?.(resource);
    this.#coldStarts = new ColdStarts(clock);
    this.#status = this.#newStatus();
    this.#kubeEvents = ports.events === undefined ? undefined : new KubeEvents(ports.events, clock);
    this.#podsOf = new PodsOf(pods, (key, pod) => {
      this.#coldStarts.podSeen(key, pod);
      this.#loop.changed(key);
    });
    const checkAgain = (key: WorkloadKey): void => {
      this.#loop.changed(key);
    };
    const formulas = ports.formulas ?? noFormulas;
    this.decided = new Decided({ ...ports, journal: this.#journal, podsOf: this.#podsOf, formulas, leads: () => this.leads });
    this.#budget = new BudgetLedger(() => registry.config.budget);
    this.#refusedPods = new RefusedPods({ client: ports.client, clock, logger: ports.logger, onFound: checkAgain });
    this.#loop = new Loop({
      ...ports,
      memories: this.#memories,
      podsOf: this.#podsOf,
      formulas,
      journal: this.#journal,
      budget: this.#budget,
      wakes: new WakeWatch({
        clock,
        podsOf: this.#podsOf,
        failures: ports.failures,
        refusedPods: this.#refusedPods,
        budget: this.#budget,
        checkAgain,
        tell: this.#tell,
      }),
      tell: this.#tell,
      offBoard: this.#offBoard,
    });
    this.#round = new SlicedRound(clock, this.#look, this.#ticked);
    registry.subscribe(this.#onWorkload);
    registry.onProblems(this.#tellProblems);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, synced } = this.#ports;
    await synced();
    if (signal.aborted) return;
    for (const record of this.#ports.registry.values()) this.#podsOf.follow(record.view);
    this.#running = true;
    this.#refusedPods.start(signal);
    this.#tick();
    const timer = clock.every(tickPeriod, this.#tick);
    await aborted(signal);
    timer.cancel();
    this.#round.stop();
    this.#running = false;
    this.#podsOf.close();
  }

  async lead(signal: AbortSignal): Promise<void> {
    const { client, clock, logger, path, removalOrder, waking } = this.#ports;
    const adopters = (): number => [...this.#ports.registry.values()].filter(({ spec }) => spec.adoptHpa).length;
    const setUpPorts = { client, clock, resourceOf: this.#resourceOf, logger, tell: this.#tell, adopters };
    this.#term = signal;
    this.#status = this.#newStatus();
    this.#applier = new Applier(
      {
        client,
        clock,
        logger,
        resourceOf: this.#resourceOf,
        memories: this.#memories,
        status: this.#status,
        coldStarts: this.#coldStarts,
        path,
        removalOrder,
        tell: this.#tell,
        waking,
        lookAgain: (key, held) => {
          this.#loop.lookAgain(key, held);
        },
        setUp: (record, memory, term) => {
          startSetUp(setUpPorts, record, memory, term);
        },
        lookForHpa: (record, memory, term) => {
          startHpaLook(setUpPorts, record, memory, term);
        },
      },
      signal,
    );
    this.#loop.lead(this.#applier);
    this.#ports.registry.remember(true);
    for (const each of [...this.#ports.registry.values(), ...this.#ports.registry.refused()]) this.#tellProblems(each);
    if (this.#running) this.#tick();
    await aborted(signal);
    this.#loop.lead(undefined);
    this.#ports.registry.remember(false);
    await this.#applier.settled();
    [this.#applier, this.#term] = [undefined, undefined];
  }

  poke(poke: Poke): void {
    if (this.#running) this.#loop.poke(poke);
  }

  firstByte(message: FirstByte): void {
    const coldStart = this.#coldStarts.finish(message);
    if (coldStart !== undefined) this.#tell({ type: 'first-byte', workload: message.workload, coldStart });
  }

  onEvent(listener: (event: ScalerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get leads(): boolean {
    return this.#applier !== undefined;
  }

  budget(): readonly BudgetFigures[] {
    return this.#budget.figures();
  }

  podsOf(key: WorkloadKey): Iterable<PodView> {
    return this.#podsOf.get(key);
  }

  readonly #tick = (): void => {
    if (!this.#round.isUnderWay) this.#budget.share(this.#ports.registry.values(), (key) => this.#memories.get(key));
    this.#round.begin([...this.#ports.registry.values()].map(({ key }) => key));
  };

  readonly #look = (key: WorkloadKey): void => {
    try {
      this.#loop.look(key);
    } catch (thrown) {
      // One workload's trouble must not become everybody's.
      this.#ports.logger.error('a look at a workload failed', { workload: key, error: thrown });
    }
  };

  readonly #ticked = (tookMs: number): void => {
    this.#ports.ticked?.(tookMs);
    if (this.#term !== undefined && !this.#term.aborted) this.#status.flush(this.#term);
  };

  readonly #tell = (event: ScalerEvent, uid = this.#ports.registry.get(event.workload)?.view.uid): void => {
    if (this.#applier === undefined) return;
    for (const listener of this.#listeners) listener(event);
    if (uid !== undefined) this.#kubeEvents?.tell(event, uid);
  };

  readonly #tellProblems = ({ key, view, problems }: RefusedWorkload): void => {
    if (problems.length > 0) this.#tell({ type: 'settings-refused', workload: key, problems: problems.map(({ message }) => message) }, view.uid);
  };

  readonly #onWorkload = (key: WorkloadKey): void => {
    const record = this.#ports.registry.get(key);
    if (record !== undefined) {
      this.#podsOf.follow(record.view);
      const metrics = this.#leftOut.since(record);
      if (metrics.length > 0) this.#tell({ type: 'hpa-metrics-left-out', workload: key, metrics });
      this.#loop.changed(key);
      return;
    }
    for (const part of [
      this.#memories,
      this.#podsOf,
      this.#refusedPods,
      this.#journal,
      this.#status,
      this.#coldStarts,
      this.#kubeEvents,
      this.#applier,
      this.#budget,
      this.#leftOut,
    ])
      part?.forget(key);
    this.#ports.failures.set(key, undefined);
    this.#ports.metrics.forget(key);
  };

  readonly #offBoard = (record: WorkloadRecord, memory: WorkloadMemory): void => {
    if (memory.offBoarding !== undefined || this.#term === undefined) return;
    const own = new AbortController();
    const signal = AbortSignal.any([own.signal, this.#term]);
    memory.offBoarding = own;
    this.#applier?.forget(record.key);
    const { logger } = this.#ports;
    const ports = {
      ...this.#ports,
      resourceOf: this.#resourceOf,
      podsOf: (key: WorkloadKey) => this.#podsOf.get(key),
      tell: this.#tell,
      turns: this.#turns,
    };
    new OffBoarding(ports, record.key, signal)
      .run(this.#journal.last(record.key)?.decision.to ?? record.view.specReplicas)
      .catch((thrown: unknown) => {
        if (!isAbort(thrown) && !signal.aborted) logger.error('handing a workload back failed', { workload: record.key, error: thrown });
      })
      .finally(() => {
        memory.offBoarding = undefined;
      });
  };

  #newStatus(): StatusWriter {
    const { client, clock, logger } = this.#ports;
    return new StatusWriter({ client, resourceOf: this.#resourceOf, clock, logger });
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      resolve();
    };
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });

/** The control loop over the registry's workloads. `run` it in every controller and `lead` it in the one that holds the Lease. */
export const createScaler = (ports: ScalerPorts): Scaler => new WorkloadScaler(ports);
