import type { WorkloadSummary } from '../../api/index.ts';
import { millis, table } from '../../core/index.ts';
import { problemIn, readDocument } from './controller-answer.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { findController, type FoundController } from './find-controller.ts';
import type { ListingFlags } from '../flags.ts';
import { again, untilStopped } from '../interrupted.ts';
import { objectName, printed } from '../output.ts';
import { withProgress } from '../progress.ts';
import { clipped, type Style, type Terminal } from '../terminal.ts';

/** A column of a table of workloads. */
export interface Column {
  readonly title: string;
  readonly cell: (workload: WorkloadSummary, now: number) => string;
  readonly style?: (workload: WorkloadSummary) => Style | undefined;
}

/** What a command makes of the workloads that the controller knows. */
export interface Listing {
  readonly columns: readonly Column[];
  readonly order: (one: WorkloadSummary, other: WorkloadSummary) => number;
  /** A line below, where there is more than one workload. */
  readonly sum?: (workloads: readonly WorkloadSummary[]) => readonly string[];
}

export interface ListingRequest {
  readonly names: readonly string[];
  readonly flags: ListingFlags;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
}

interface Seen {
  readonly workloads: readonly WorkloadSummary[];
  readonly now: number;
}

const namespaceColumn: Column = { title: 'NAMESPACE', cell: ({ namespace }) => namespace };
const everyLook = millis(2000);

/** Prints the workloads as a table, again and again with `--watch`, or as data. Exit 1: a name is not known. */
export const list = async (listing: Listing, { names, flags, environment, terminal }: ListingRequest): Promise<ExitCode> => {
  if (flags.watch === true && flags.output !== undefined) throw new CommandError('usage', '--watch goes with the table, not with --output');
  if (flags.allNamespaces === true && names.length > 0)
    throw new CommandError('usage', '--all-namespaces goes without names: a name is looked for in one namespace');
  const controller = await findController(flags, environment, (line) => terminal.note(line));
  try {
    const namespace = flags.allNamespaces === true ? undefined : (flags.namespace ?? controller.namespace ?? 'default');
    const read = (): Promise<Seen> => seen(controller, namespace, names, listing.order);
    const columns = namespace === undefined ? [namespaceColumn, ...listing.columns] : listing.columns;
    const look = { ...listing, columns };
    const first = await withProgress(terminal, 'asking the controller', read);
    if (flags.watch === true) {
      await untilStopped((signal) => watch(look, first, read, terminal, signal), terminal.unread);
      return exitCode.ok;
    }
    if (flags.output !== undefined) terminal.write(printed(flags.output, { workloads: first.workloads }, first.workloads.map(objectName)));
    else if (first.workloads.length > 0) terminal.write(linesOf(look, first, terminal));
    else if (names.length === 0)
      terminal.note(`no workload is onboarded ${namespace === undefined ? 'in any namespace' : `in namespace ${namespace} (-A: all namespaces)`}`);
    return await unknownNames(names, first, controller, namespace ?? '', terminal);
  } finally {
    controller.close();
  }
};

const seen = async (controller: FoundController, namespace: string | undefined, names: readonly string[], order: Listing['order']): Promise<Seen> => {
  const path = `/workloads${namespace === undefined ? '' : `?namespace=${encodeURIComponent(namespace)}`}`;
  const { workloads, answered } = await readDocument<{ readonly workloads: readonly WorkloadSummary[] }>(controller, path);
  const wanted = names.length === 0 ? workloads : workloads.filter(({ name }) => names.includes(name));
  return { workloads: wanted.toSorted(order), now: answered.date ?? Date.now() };
};

/** The controller itself says what may have been meant. */
const unknownNames = async (
  names: readonly string[],
  { workloads }: Seen,
  controller: FoundController,
  namespace: string,
  terminal: Terminal,
): Promise<ExitCode> => {
  const unknown = names.filter((name) => !workloads.some((workload) => workload.name === name));
  for (const name of unknown) {
    const { body } = await controller.get(`/workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`, 'application/json');
    terminal.note(`rouse: ${problemIn(body)}`);
  }
  return unknown.length === 0 ? exitCode.ok : exitCode.findings;
};

const rowOf = ({ columns }: Listing, workload: WorkloadSummary, now: number): readonly string[] => columns.map(({ cell }) => cell(workload, now));

const tableOf = (listing: Listing, { workloads, now }: Seen, { paint }: Terminal): readonly string[] => {
  const { columns, sum } = listing;
  const rows = [columns.map(({ title }) => title), ...workloads.map((workload) => rowOf(listing, workload, now))];
  const below =
    sum !== undefined && workloads.length > 1 ? [Array.from({ length: columns.length - sum(workloads).length }, () => '').concat(sum(workloads))] : [];
  return table([...rows, ...below], {
    paint: (padded, { row, column }) => {
      if (row === 0) return paint('bold', padded);
      const workload = workloads[row - 1];
      const style = workload === undefined ? 'dim' : columns[column]?.style?.(workload);
      return style === undefined ? padded : paint(style, padded);
    },
  });
};
const linesOf = (listing: Listing, all: Seen, terminal: Terminal): string =>
  tableOf(listing, all, terminal)
    .map((line) => `${line}\n`)
    .join('');

const home = '\u001B[H';
const clearRest = '\u001B[K';
const clearBelow = '\u001B[J';

/** On a terminal one table that is drawn anew; else a line for whatever has changed. */
const watch = async (listing: Listing, first: Seen, read: () => Promise<Seen>, terminal: Terminal, signal: AbortSignal): Promise<void> => {
  let last = first;
  let shown = new Map<string, string>();
  let began = false;
  const draw = (problem: string | undefined): void => {
    const { size } = terminal;
    if (size === undefined) {
      shown = printChanges(listing, last, shown, terminal, problem);
      return;
    }
    const head = `${new Date(last.now).toTimeString().slice(0, 8)}${problem === undefined ? '' : `  ${problem}`}`;
    const lines = [terminal.paint('dim', head), ...tableOf(listing, last, terminal)];
    const room = Math.max(2, size.rows - 1);
    const fitting = lines.length <= room ? lines : [...lines.slice(0, room - 1), terminal.paint('dim', `and ${String(lines.length - room + 1)} more`)];
    terminal.write(`${began ? '' : '\u001B[2J'}${home}${fitting.map((line) => `${clipped(line, size.columns - 1)}${clearRest}\n`).join('')}${clearBelow}`);
    began = true;
  };
  draw(undefined);
  await again(everyLook, signal, async () => {
    try {
      last = await read();
      draw(undefined);
    } catch (failure) {
      // A controller that restarts is no reason to stop watching.
      if (!(failure instanceof CommandError)) throw failure;
      draw(failure.message);
    }
  });
};

/** The columns that tell how long ago something was change all the time: of them no line is made. */
const printChanges = (
  listing: Listing,
  { workloads, now }: Seen,
  shown: ReadonlyMap<string, string>,
  terminal: Terminal,
  problem: string | undefined,
): Map<string, string> => {
  if (problem !== undefined) {
    terminal.note(`rouse: ${problem}`);
    return new Map(shown);
  }
  const keyOf = ({ namespace, resource, name }: WorkloadSummary): string => `${namespace}/${resource}/${name}`;
  const tellingOf = (workload: WorkloadSummary): string => rowOf(listing, workload, workload.decision?.since ?? 0).join('\t');
  const changed = workloads.filter((workload) => shown.get(keyOf(workload)) !== tellingOf(workload));
  const lines = tableOf(listing, { workloads: shown.size === 0 ? workloads : changed, now }, terminal);
  for (const line of shown.size === 0 ? lines : lines.slice(1, changed.length + 1)) terminal.write(`${line}\n`);
  return new Map(workloads.map((workload) => [keyOf(workload), tellingOf(workload)]));
};
