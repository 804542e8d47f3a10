import { between, fieldManager, instant, type Instant, type Millis } from '../core/index.ts';
import type { WorkloadView } from '../kube/index.ts';

/** What the API server answered to our last write of `/scale`. */
export interface WrittenCount {
  readonly replicas: number;
  readonly resourceVersion: string;
}

/** A count that somebody set by hand and that is still honoured. */
export interface ManualOverride {
  readonly replicas: number;
  readonly manager: string;
  readonly at: Instant;
}

/** resourceVersions of one kind are ordered as numbers (documented since Kubernetes 1.35); longer than a double, so compared as text. */
export const isOlder = (a: string, b: string): boolean => (a.length === b.length ? a < b : a.length < b.length);

/** `spec.replicas` as last read or written, whichever is newer: the watch is a moment behind our own writes. */
export const liveCount = (view: WorkloadView, written: WrittenCount | undefined): number =>
  written !== undefined && isOlder(view.resourceVersion, written.resourceVersion) ? written.replicas : view.specReplicas;

/**
 * Whoever wrote `/scale` last, if it was not us, not before `since` (onboarding) and not longer ago than `honoured`. managedFields tell it in
 * whole seconds. A write of ours that the watch has not shown yet makes what it shows old news.
 */
export const overrideOf = (
  view: WorkloadView,
  written: WrittenCount | undefined,
  honoured: Millis,
  since: Instant,
  now: Instant,
): ManualOverride | undefined => {
  const [newest] = view.scaledBy;
  if (newest === undefined || newest.manager === fieldManager || newest.at + 1000 <= since) return undefined;
  if (written !== undefined && isOlder(view.resourceVersion, written.resourceVersion)) return undefined;
  const at = instant(newest.at);
  return between(at, now) < honoured ? { replicas: view.specReplicas, manager: newest.manager, at } : undefined;
};

/** What `rouse.dev/status` says was wanted; undefined if it says nothing readable. */
const publishedCount = (status: string | undefined): number | undefined => {
  try {
    const value: unknown = status === undefined ? undefined : JSON.parse(status);
    const desired: unknown = typeof value === 'object' && value !== null && 'desired' in value ? value.desired : undefined;
    return typeof desired === 'number' && Number.isInteger(desired) && desired >= 0 ? desired : undefined;
  } catch {
    return undefined;
  }
};

/**
 * The count that a new leader goes on from. Where our own write of `/scale` still stands, that is the live one. Where it does not, a manifest was
 * applied while nobody kept the count: the higher of what lives and what was last published, because that never takes a pod from running work.
 */
export const resumedCount = (view: WorkloadView, status: string | undefined): number => {
  const [newest] = view.scaledBy;
  return newest === undefined ? Math.max(view.specReplicas, publishedCount(status) ?? 0) : view.specReplicas;
};
