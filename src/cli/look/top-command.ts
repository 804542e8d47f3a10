import type { WorkloadSummary } from '../../api/index.ts';
import { shortNumber } from './ages.ts';
import type { ExitCode } from '../exit-code.ts';
import { list, type Column, type ListingRequest } from './listing.ts';

export const measures = ['load', 'held', 'pods'] as const;
type Measure = (typeof measures)[number];

/** What is compared. Loads of different metrics are, as the pods that they ask for. */
const amounts: Readonly<Record<Measure, (workload: WorkloadSummary) => number>> = {
  load: ({ load }) => load?.pods ?? 0,
  held: ({ held }) => held,
  pods: ({ ready, starting }) => ready + starting,
};

const columns: readonly Column[] = [
  { title: 'NAME', cell: ({ name }) => name },
  { title: 'LOAD', cell: ({ load }) => (load === undefined ? 'no data' : `${shortNumber(load.value)} ${load.metric}`) },
  { title: 'PODS OF LOAD', cell: ({ load }) => (load === undefined ? '' : shortNumber(load.pods)) },
  { title: 'IN FLIGHT', cell: ({ inFlight }) => String(inFlight) },
  { title: 'HELD', cell: ({ held }) => String(held), style: ({ held }) => (held > 0 ? 'yellow' : undefined) },
  { title: 'PODS', cell: ({ ready, starting }) => String(ready + starting) },
  { title: 'READY', cell: ({ ready }) => String(ready) },
  { title: 'WANTED', cell: ({ desired }) => String(desired) },
];

const total = (workloads: readonly WorkloadSummary[], of: (workload: WorkloadSummary) => number): string =>
  shortNumber(workloads.reduce((sum, workload) => sum + of(workload), 0));

/** `rouse top`: who has the most of something, first. */
export const runTop = (request: ListingRequest & { readonly by: Measure }): Promise<ExitCode> => {
  const amount = amounts[request.by];
  return list(
    {
      columns,
      order: (one, other) => amount(other) - amount(one) || one.name.localeCompare(other.name),
      sum: (workloads) => [
        `${String(workloads.length)} workloads`,
        '',
        total(workloads, amounts.load),
        total(workloads, ({ inFlight }) => inFlight),
        total(workloads, ({ held }) => held),
        total(workloads, amounts.pods),
        total(workloads, ({ ready }) => ready),
        total(workloads, ({ desired }) => desired),
      ],
    },
    request,
  );
};
