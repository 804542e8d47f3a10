import { parseWorkloadKey, type WorkloadKey } from '../../core/index.ts';
import { areSamples, type Samples } from './recent-median.ts';
import { historyLimits, type RevisionStarts, type StartHistory } from './start-history.ts';

/** A ConfigMap takes 1 MiB in all; etcd's own limit is not far above. */
const mostBytes = 512 * 1024;
/** Left for the frame and the names of keys. */
const room = mostBytes - 1_024;

interface ReadHistory {
  readonly revisions: readonly RevisionStarts[];
  readonly nodes: readonly (readonly [string, Samples])[];
  /** Parts that could not be read, or said what cannot be. */
  readonly dropped: number;
}

const bytes = (text: string): number => Buffer.byteLength(text);

/** As many of `lines` as there is room for, from the last on: the newest. In their own order. */
const newest = (lines: readonly string[], left: number): readonly string[] => {
  let from = lines.length;
  for (let used = 0; from > 0; from -= 1) {
    used += bytes(lines[from - 1] ?? '') + 1;
    if (used > left) break;
  }
  return lines.slice(from);
};

/** The history as data of a ConfigMap, 512 KiB at most: a line of JSON for each revision, one for each node. What does not fit is what was used longest ago. */
export const printHistory = (history: StartHistory): Readonly<Record<'revisions' | 'nodes', string>> => {
  const revisions = newest(
    Array.from(history.revisions(), ({ workload, revision, first, again, nodes }) =>
      JSON.stringify({ workload, revision, first, again, nodes: Object.fromEntries(nodes) }),
    ),
    room * 0.75,
  );
  const used = revisions.reduce((sum, line) => sum + bytes(line) + 1, 0);
  const nodes = newest(
    Array.from(history.nodes(), (entry) => JSON.stringify(entry)),
    room - used,
  );
  return { revisions: revisions.join('\n'), nodes: nodes.join('\n') };
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null && !Array.isArray(value);
/** Where there was none that was seen. */
const areSamplesOrNone = (value: unknown): value is Samples => areSamples(value) || (Array.isArray(value) && value.length === 0);
const isNodeName = (text: unknown): text is string => typeof text === 'string' && text !== '' && text.length <= 253;

const parseRevision = (value: unknown): RevisionStarts | undefined => {
  if (!isRecord(value)) return undefined;
  const { workload, revision, first, again, nodes } = value;
  if (typeof workload !== 'string' || parseWorkloadKey(workload) === undefined || typeof revision !== 'string' || revision === '') return undefined;
  if (!areSamplesOrNone(first) || !areSamplesOrNone(again) || !isRecord(nodes)) return undefined;
  const entries = Object.entries(nodes).slice(-historyLimits.nodesOfRevision);
  const sound = entries.filter((entry): entry is [string, Samples] => isNodeName(entry[0]) && areSamplesOrNone(entry[1]));
  return sound.length < entries.length ? undefined : { workload: workload as WorkloadKey, revision, first, again, nodes: new Map(sound) };
};

const parseNode = (value: unknown): readonly [string, Samples] | undefined =>
  Array.isArray(value) && value.length === 2 && isNodeName(value[0]) && areSamples(value[1]) ? [value[0], value[1]] : undefined;

const parseLines = <T>(text: string, parse: (value: unknown) => T | undefined): { readonly found: readonly T[]; readonly dropped: number } => {
  const lines = text === '' ? [] : text.split('\n');
  const found: T[] = [];
  for (const line of lines) {
    try {
      const entry = parse(JSON.parse(line));
      if (entry !== undefined) found.push(entry);
    } catch {
      // Counted below.
    }
  }
  return { found, dropped: lines.length - found.length };
};

/** The reverse. Line by line: one that is not readable, or says what cannot be, takes none along. */
export const parseHistory = (data: Readonly<Record<string, string>>): ReadHistory => {
  const revisions = parseLines(data['revisions'] ?? '', parseRevision);
  const nodes = parseLines(data['nodes'] ?? '', parseNode);
  return { revisions: revisions.found, nodes: nodes.found, dropped: revisions.dropped + nodes.dropped };
};
