import { ROOT_CONTEXT, SpanStatusCode, trace, TraceFlags, type Context, type Span, type Tracer } from '@opentelemetry/api';
import {
  between,
  coldStartPhases,
  millis,
  seconds,
  type Clock,
  type Decision,
  type Instant,
  type Poke,
  type Timer,
  type WorkloadKey,
} from '../../core/index.ts';
import type { WakeContextSource } from '../../routing/index.ts';
import type { ScalerEvent } from '../../scaler/index.ts';
import { traceParentOf } from './trace-parent.ts';
import { timeOf, workloadAttributes } from './workload-attributes.ts';

/** How a wake ended: the first byte left; pods were there, and nobody waited for them (any more); or it came to nothing. */
type Outcome = 'served' | 'ready' | 'failed' | 'abandoned';

interface OpenWake {
  readonly span: Span;
  readonly within: Context;
  readonly since: number;
  /** Why it cannot succeed, as far as that was told. */
  failure: string | undefined;
  /** Since when nobody waits, and there are pods or none will come. */
  unattendedSince: Instant | undefined;
  /** Since we do not lead any more: gives it up. */
  givingUp: Timer | undefined;
}

/** What waits may have been reported a second ago, and its first byte is on its way. */
const unattendedFor = seconds(5);
/** As for the metric of cold starts: nobody waits for so long. */
const longest = seconds(15 * 60);
/** A leader that was out of touch with the API server for a moment leads again after a few seconds, where nobody else has come forward; its wakes have gone on meanwhile. */
const leadComesBackWithin = seconds(30);
/** Gateways that serve a little later than the first one find what to link to. */
const contextStaysFor = seconds(10);

/**
 * Wakes as spans, each the root of a trace: `wake`, from the first request that waited to the first byte, and below it one for each phase of the cold start. Its context goes to the gateways with the
 * routes, so that the requests that waited for it can be linked to it.
 */
export class WakeSpans implements WakeContextSource {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #open = new Map<WorkloadKey, OpenWake>();
  readonly #contexts = new Map<WorkloadKey, string>();
  readonly #listeners = new Set<(key: WorkloadKey) => void>();
  #poke: Poke | undefined;

  constructor(tracer: Tracer, clock: Clock) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  get(workload: WorkloadKey): string | undefined {
    return this.#contexts.get(workload);
  }

  subscribe(listener: (workload: WorkloadKey) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** For what is below the wake that is under way. */
  within(workload: WorkloadKey): Context | undefined {
    return this.#open.get(workload)?.within;
  }

  poked(poke: Poke | undefined): void {
    this.#poke = poke;
  }

  begin(workload: WorkloadKey, { reason, to, evidence }: Decision): void {
    this.#abandon(workload);
    const since = this.#clock.now() - (this.#poke?.workload === workload ? this.#poke.oldestHeldMs : 0);
    const attributes = { ...workloadAttributes(workload), 'rouse.reason': reason, 'rouse.replicas.to': to, 'rouse.requests.held': evidence.held };
    const span = this.#tracer.startSpan('wake', { root: true, startTime: timeOf(since), attributes });
    this.#open.set(workload, { span, within: trace.setSpan(ROOT_CONTEXT, span), since, failure: undefined, unattendedSince: undefined, givingUp: undefined });
    const context = span.spanContext();
    // A link to what nobody exports would lead nowhere.
    this.#publish(workload, (context.traceFlags & TraceFlags.SAMPLED) === 0 ? undefined : traceParentOf(context));
  }

  /** Each decision for the workload; `at` is now. */
  decided(workload: WorkloadKey, { kind, at, to, evidence }: Decision): void {
    const wake = this.#known(workload);
    if (wake === undefined) return;
    const isThere = evidence.ready > 0;
    // One that merely wants zero is taken back where a request comes meanwhile.
    const isAtZero = kind === 'hold' && to === 0;
    if ((isThere || isAtZero) && evidence.held === 0 && evidence.inFlight === 0) wake.unattendedSince ??= at;
    else wake.unattendedSince = undefined;
    if (wake.unattendedSince !== undefined && between(wake.unattendedSince, at) >= unattendedFor)
      this.#end(workload, wake, isThere ? 'ready' : came(wake), wake.unattendedSince);
    else if (at - wake.since > longest) this.#end(workload, wake, came(wake), at);
  }

  happened(event: ScalerEvent): void {
    const wake = this.#known(event.workload);
    if (wake === undefined) return;
    if (event.type === 'first-byte') this.#serve(wake, event);
    else if (event.type === 'wake-failed') {
      wake.failure = event.reason;
      wake.span.addEvent('wake-failed', { 'rouse.reason': event.reason, 'rouse.message': event.message }, timeOf(this.#clock.now()));
    } else if (event.type === 'wake-recovered') {
      wake.failure = undefined;
      wake.span.addEvent('wake-recovered', {}, timeOf(this.#clock.now()));
    } else if (event.type === 'scaled' && event.to === 0) this.#abandon(event.workload);
  }

  forget(workload: WorkloadKey): void {
    this.#abandon(workload);
  }

  /** What is under way goes on without us; we may lead again before it is over. */
  stepDown(): void {
    const lostAt = this.#clock.now();
    for (const [workload, wake] of this.#open) {
      if (wake.givingUp !== undefined) continue;
      wake.span.addEvent('lead-lost', {}, timeOf(lostAt));
      wake.givingUp = this.#clock.after(millis(leadComesBackWithin), () => this.#end(workload, wake, came(wake), lostAt));
    }
  }

  /** Nothing is told any more. */
  end(): void {
    for (const workload of [...this.#open.keys()]) this.#abandon(workload);
  }

  /** The wake that is under way, of which something has just been told: so we lead. */
  #known(workload: WorkloadKey): OpenWake | undefined {
    const wake = this.#open.get(workload);
    if (wake?.givingUp === undefined) return wake;
    wake.givingUp.cancel();
    wake.givingUp = undefined;
    wake.span.addEvent('lead-regained', {}, timeOf(this.#clock.now()));
    return wake;
  }

  #serve(wake: OpenWake, { workload, coldStart }: Extract<ScalerEvent, { readonly type: 'first-byte' }>): void {
    const now = this.#clock.now();
    wake.failure = undefined;
    let until = now - coldStart.totalMs;
    // The word that somebody waits and the word of the first byte have not been on their way for the same time: the first phase begins where the wake does.
    let at = wake.since;
    for (const phase of coldStartPhases) {
      until += coldStart.phases[phase];
      const end = Math.max(at, until);
      this.#tracer.startSpan(phase, { startTime: timeOf(at), attributes: workloadAttributes(workload) }, wake.within).end(timeOf(end));
      at = end;
    }
    wake.span.setAttribute('k8s.pod.uid', coldStart.podId);
    this.#end(workload, wake, 'served', now);
  }

  #abandon(workload: WorkloadKey): void {
    const wake = this.#open.get(workload);
    if (wake !== undefined) this.#end(workload, wake, came(wake), this.#clock.now());
  }

  #end(workload: WorkloadKey, { span, failure, givingUp }: OpenWake, outcome: Outcome, at: number): void {
    givingUp?.cancel();
    this.#open.delete(workload);
    span.setAttribute('rouse.wake.outcome', outcome);
    if (failure !== undefined) {
      span.setAttribute('error.type', failure);
      span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
    }
    span.end(timeOf(at));
    const context = this.#contexts.get(workload);
    this.#clock.after(millis(contextStaysFor), () => {
      if (this.#contexts.get(workload) === context) this.#publish(workload, undefined);
    });
  }

  #publish(workload: WorkloadKey, context: string | undefined): void {
    if (this.#contexts.get(workload) === context) return;
    if (context === undefined) this.#contexts.delete(workload);
    else this.#contexts.set(workload, context);
    for (const listener of this.#listeners) listener(workload);
  }
}

/** To what one that was not served came. */
const came = ({ failure }: OpenWake): Outcome => (failure === undefined ? 'abandoned' : 'failed');
