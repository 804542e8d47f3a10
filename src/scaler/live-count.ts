import { annotation, between, fieldManager, instant, parseWorkloadState, type Instant, type Millis } from '../core/index.ts';
import type { WorkloadView } from '../kube/index.ts';
import { parseStatus } from './published-status.ts';

/** What the API server answered to our last write of `/scale`. */
export interface WrittenCount {
  readonly replicas: number;
  readonly resourceVersion: string;
}

/** A count that somebody set through `/scale`. */
export interface HandSetCount {
  readonly replicas: number;
  readonly manager: string;
  /** When we saw it first, as far as that is known. */
  readonly at: Instant;
}

/** resourceVersions of one kind are ordered as numbers (documented since Kubernetes 1.35); longer than a double, so compared as text. */
export const isOlder = (a: string, b: string): boolean => (a.length === b.length ? a < b : a.length < b.length);

/** `spec.replicas` as last read or written, whichever is newer: the watch is a moment behind our own writes. */
export const liveCount = (view: WorkloadView, written: WrittenCount | undefined): number =>
  written !== undefined && isOlder(view.resourceVersion, written.resourceVersion) ? written.replicas : view.specReplicas;

/** Too long ago to be honoured. */
const longAgo = instant(0);

/**
 * The count that stands in `spec.replicas` because somebody else wrote `/scale` last; undefined where we did, or nobody. managedFields tell who,
 * not when: kube-apiserver gives an entry of subresource scale no time of its own (apimachinery, managedfields/scalehandler.go). So it began
 * when we first saw it (`before` is what we saw last). A process that sees the workload for the first time finds the beginning in the status
 * that was published then; what was there before onboarding is nobody's override.
 */
export const handSetCount = (
  view: WorkloadView,
  written: WrittenCount | undefined,
  before: HandSetCount | undefined,
  isFirst: boolean,
  now: Instant,
  ours: OurCount,
): HandSetCount | undefined => {
  // The watch lags behind a write of ours, and what it shows is old news.
  if (written !== undefined && isOlder(view.resourceVersion, written.resourceVersion)) return before;
  const other = view.scaledBy[0];
  if (other === undefined) return unrecordedCount(view, written, before, isFirst, now, ours);
  if (view.scaledBy.some(({ manager }) => manager === fieldManager)) return undefined;
  const { manager } = other;
  const replicas = view.specReplicas;
  if (before?.manager === manager && before.replicas === replicas) return before;
  return { manager, replicas, at: isFirst ? firstSeen(view, now) : now };
};

/** What this process does about the count. */
export interface OurCount {
  readonly leads: boolean;
  /** A write of ours is on its way: the watch may show it before its answer is here. */
  readonly isWriting: boolean;
  /** What we keep. */
  readonly target: number | undefined;
  /** The count at the last look. */
  readonly seen: number | undefined;
}

/** The manager of a count that was set through `/scale` by somebody who is not on record. */
export const unrecorded = '/scale';

/**
 * After a count of 0 kube-apiserver records nobody (`WorkloadView.scaledBy`). Then a change that no manifest brought, and that is neither what we wrote
 * nor what we want, was somebody else's: only the leader can tell. For everybody else it is what a leader may have written.
 */
const unrecordedCount = (
  view: WorkloadView,
  written: WrittenCount | undefined,
  before: HandSetCount | undefined,
  isFirst: boolean,
  now: Instant,
  { leads, isWriting, target, seen }: OurCount,
): HandSetCount | undefined => {
  const replicas = view.specReplicas;
  const known = before?.manager === unrecorded && before.replicas === replicas ? before : undefined;
  if (view.isCountApplied) return undefined;
  if (isWriting || known !== undefined) return known;
  const isOurs = replicas === target || (leads && replicas === written?.replicas);
  if (isOurs || (replicas === seen && !isFirst)) return undefined;
  if (leads && !isFirst) return { manager: unrecorded, replicas, at: now };
  const published = parseStatus(view.annotations[annotation.status]);
  if (published?.reason !== 'manual-override' || published.desired !== replicas || published.since === undefined) return undefined;
  return { manager: unrecorded, replicas, at: published.since };
};

const firstSeen = (view: WorkloadView, now: Instant): Instant => {
  const published = parseStatus(view.annotations[annotation.status]);
  const onRecord = parseWorkloadState(view.annotations[annotation.state] ?? '');
  // Not looked at by anybody yet: a count other than the one before onboarding was set since.
  if (published === undefined) return onRecord.ok && onRecord.value.replicasBefore !== view.specReplicas ? now : longAgo;
  // What mode observe would have set says nothing about what was there.
  if (published.reason === 'observe') return longAgo;
  if (published.desired !== view.specReplicas) return now;
  return published.reason === 'manual-override' ? (published.since ?? now) : longAgo;
};

/** The hand-set count while it is honoured. */
export const overrideOf = (hand: HandSetCount | undefined, honoured: Millis, now: Instant): HandSetCount | undefined =>
  hand !== undefined && between(hand.at, now) < honoured ? hand : undefined;

/**
 * The count that a new leader goes on from. Where a write of `/scale` still stands, that is the live one. Where it does not, a manifest was
 * applied while nobody kept the count: the higher of what lives and what was last published, because that never takes a pod from running work.
 */
export const resumedCount = (view: WorkloadView): number => {
  const published = view.isCountApplied ? parseStatus(view.annotations[annotation.status]) : undefined;
  // What mode observe would have set was never there.
  return published === undefined || published.reason === 'observe' ? view.specReplicas : Math.max(view.specReplicas, published.desired);
};
