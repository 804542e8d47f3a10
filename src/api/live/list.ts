import { workloadKey, type WorkloadKey } from '../../core/index.ts';
import type { WorkloadPhase } from '../workloads.ts';
import type { LiveWorkload } from './ports.ts';

/** What needs a look first comes first. */
const phases = ['failing', 'waking', 'scaling-up', 'active', 'scaling-down', 'falling-asleep', 'asleep'] as const satisfies readonly WorkloadPhase[];

const columns = ['name', 'phase', 'desired', 'ready', 'held'] as const;
type Column = (typeof columns)[number];

/** Which workloads the page shows. */
export interface ListView {
  /** Part of `namespace/name`, in lower case; empty: all. */
  readonly filter: string;
  readonly phase: WorkloadPhase | undefined;
  readonly sort: Column;
  readonly descending: boolean;
  readonly offset: number;
  readonly limit: number;
}

/** The one workload whose story is shown. */
export interface StoryView {
  readonly namespace: string;
  readonly name: string;
}

/** More rows than a screen holds. */
const mostRows = 100;
const defaultRows = 50;
const longestFilter = 253;

type Query = Readonly<Record<string, unknown>>;
type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly detail: string };

/** What is wrong with a value, what is legal, and an example. */
class BadQuery extends Error {}

const one = (query: Query, name: string): string | undefined => {
  const value = query[name];
  if (value === undefined || typeof value === 'string') return value;
  throw new BadQuery(`${name} is given more than once: want it once`);
};

const oneOf = <T extends string>(query: Query, name: string, legal: readonly T[]): T | undefined => {
  const value = one(query, name);
  const found = legal.find((each) => each === value);
  if (value === undefined || value === '' || found !== undefined) return found;
  throw new BadQuery(`${name} is ${JSON.stringify(value.slice(0, 64))}: want one of ${legal.join(', ')}, such as ${name}=${String(legal[0])}`);
};

const count = (query: Query, name: string, least: number, otherwise: number): number => {
  const value = one(query, name) ?? String(otherwise);
  if (/^\d{1,7}$/.test(value) && Number(value) >= least) return Number(value);
  throw new BadQuery(`${name} is ${JSON.stringify(value.slice(0, 64))}: want a whole number from ${String(least)} on, such as ${name}=${String(otherwise)}`);
};

/** `?filter=&phase=&sort=&order=&offset=&limit=`, each with a default; or `?workload=NAMESPACE/NAME`. */
export const parseView = (query: Query): Parsed<ListView | StoryView> => {
  try {
    const workload = one(query, 'workload');
    if (workload !== undefined) {
      const [, namespace, name] = /^([^/]{1,253})\/([^/]{1,253})$/.exec(workload) ?? [];
      if (namespace === undefined || name === undefined)
        throw new BadQuery(`workload is ${JSON.stringify(workload.slice(0, 64))}: want NAMESPACE/NAME, such as workload=default/hello`);
      return { ok: true, value: { namespace, name } };
    }
    return {
      ok: true,
      value: {
        filter: (one(query, 'filter') ?? '').trim().slice(0, longestFilter).toLowerCase(),
        phase: oneOf(query, 'phase', phases),
        sort: oneOf(query, 'sort', columns) ?? 'name',
        descending: oneOf(query, 'order', ['asc', 'desc']) === 'desc',
        offset: count(query, 'offset', 0, 0),
        limit: Math.min(mostRows, count(query, 'limit', 1, defaultRows)),
      },
    };
  } catch (problem) {
    if (!(problem instanceof BadQuery)) throw problem;
    return { ok: false, detail: problem.message };
  }
};

/** In the order of their names: everything else is sorted from that, so that equals keep their places. */
export const inOrder = (workloads: readonly LiveWorkload[]): readonly LiveWorkload[] =>
  [...workloads].sort((a, b) => (a.namespace === b.namespace ? compare(a.name, b.name) : compare(a.namespace, b.namespace)));

const compare = (a: string | number, b: string | number): number => (a < b ? -1 : a > b ? 1 : 0);

export interface Page {
  readonly total: number;
  readonly matching: number;
  /** Where the rows begin: an offset beyond the end is the last page's. */
  readonly offset: number;
  readonly workloads: readonly LiveWorkload[];
}

const sortValue = (workload: LiveWorkload, sort: Exclude<Column, 'name'>): number => (sort === 'phase' ? phases.indexOf(workload.phase) : workload[sort]);

/** `sorted`: `inOrder`. */
export const pageOf = (sorted: readonly LiveWorkload[], { filter, phase, sort, descending, offset, limit }: ListView): Page => {
  const matching = sorted.filter(
    (workload) =>
      (phase === undefined || workload.phase === phase) && (filter === '' || `${workload.namespace}/${workload.name}`.toLowerCase().includes(filter)),
  );
  if (sort !== 'name') matching.sort((a, b) => (descending ? -1 : 1) * compare(sortValue(a, sort), sortValue(b, sort)));
  else if (descending) matching.reverse();
  const from = offset < matching.length ? offset : Math.max(0, Math.floor((matching.length - 1) / limit) * limit);
  return { total: sorted.length, matching: matching.length, offset: from, workloads: matching.slice(from, from + limit) };
};

/** A Deployment is meant where several kinds have the name. */
export const named = (workloads: readonly LiveWorkload[], { namespace, name }: StoryView): LiveWorkload | undefined => {
  const key: WorkloadKey = workloadKey({ resource: 'deployments.apps', namespace, name });
  return workloads.find((one) => one.key === key) ?? workloads.find((one) => one.namespace === namespace && one.name === name);
};
