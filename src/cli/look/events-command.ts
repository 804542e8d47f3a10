import { millis, silentLogger, systemClock, systemRandom, table } from '../../core/index.ts';
import { resources, watchResource } from '../../kube/index.ts';
import { shortSpan } from './ages.ts';
import { CommandError, exitCode, type ExitCode } from '../exit-code.ts';
import { findCluster, refusedTo, type FoundCluster } from './find-cluster.ts';
import { findWorkload, noSuchWorkload } from './find-workload.ts';
import type { EventsFlags } from '../flags.ts';
import { untilStopped } from '../interrupted.ts';
import { printed } from '../output.ts';
import { withProgress } from '../progress.ts';
import type { Terminal } from '../terminal.ts';

type Event = NonNullable<(typeof resources.events)['type']>;

const timeOf = ({ lastTimestamp, eventTime, metadata }: Event): number => Date.parse(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '') || 0;
const objectOf = ({ involvedObject: { kind, name } }: Event): string => `${kind ?? ''}/${name ?? ''}`;
const versionOf = ({ metadata }: Event): number => Number(metadata.resourceVersion ?? 0);

/** Those of one second in the order in which they were written. */
const byTime = (one: Event, other: Event): number => timeOf(one) - timeOf(other) || versionOf(one) - versionOf(other);

/** `rouse events [NAME]`: what Rouse wrote of workloads into Kubernetes Events, newest last. */
export const runEvents = async (name: string | undefined, flags: EventsFlags, terminal: Terminal): Promise<ExitCode> => {
  const { watch = false, allNamespaces = false, output } = flags;
  if (watch && output !== undefined) throw new CommandError('usage', '--watch goes with the table, not with --output');
  if (allNamespaces && name !== undefined) throw new CommandError('usage', '--all-namespaces goes without a name: a name is looked for in one namespace');
  const cluster = await findCluster(flags);
  try {
    const namespace = allNamespaces ? undefined : cluster.namespace;
    const fieldSelector = ['source=rouse', ...(name === undefined ? [] : [`involvedObject.name=${name}`])].join(',');
    const listed = await withProgress(terminal, 'reading the Events', () => cluster.client.list(resources.events, { namespace, fieldSelector }));
    if (!listed.ok)
      throw refusedTo(`list the Events ${namespace === undefined ? 'of all namespaces' : `in namespace ${namespace}`}`, listed.problem, cluster.connection);
    const events = listed.value.items.toSorted(byTime);
    if (output !== undefined) {
      const document = { apiVersion: 'v1', kind: 'EventList', items: events };
      terminal.write(
        printed(
          output,
          document,
          events.map(({ metadata }) => `event/${metadata.name ?? ''}`),
        ),
      );
      return exitCode.ok;
    }
    if (events.length > 0) print(events, namespace === undefined, terminal, true);
    else if (!watch) {
      // A name of which nothing is told may be no workload at all.
      const { found, suggestion } = name === undefined ? { found: undefined, suggestion: undefined } : await findWorkload(cluster, name);
      if (name !== undefined && found === undefined) {
        terminal.note(`rouse: ${noSuchWorkload(cluster.namespace, name, suggestion)}`);
        return exitCode.findings;
      }
      terminal.note(`Rouse has written no Events ${name === undefined ? '' : `of ${name} `}lately: they are kept for an hour, and tell changes alone`);
    }
    if (watch) await untilStopped((signal) => follow(cluster, { namespace, fieldSelector }, events, terminal, signal), terminal.unread);
    return exitCode.ok;
  } finally {
    cluster.connection.close();
  }
};

const print = (events: readonly Event[], namespaces: boolean, terminal: Terminal, head: boolean): void => {
  const now = Date.now();
  const rows = events.map((event) => [
    ...(namespaces ? [event.involvedObject.namespace ?? ''] : []),
    shortSpan(now - timeOf(event)),
    event.type ?? '',
    event.reason ?? '',
    objectOf(event),
    `${event.message ?? ''}${(event.count ?? 1) > 1 ? ` (× ${String(event.count)})` : ''}`,
  ]);
  const titles = [...(namespaces ? ['NAMESPACE'] : []), 'AGE', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE'];
  const lines = table([titles, ...rows], {
    paint: (padded, { row, text }) => (row === 0 ? terminal.paint('bold', padded) : text === 'Warning' ? terminal.paint('yellow', padded) : padded),
  });
  for (const line of head ? lines : lines.slice(1)) terminal.write(`${line}\n`);
};

const settle = millis(200);

const follow = async (
  { connection }: FoundCluster,
  selection: { readonly namespace: string | undefined; readonly fieldSelector: string },
  before: readonly Event[],
  terminal: Terminal,
  signal: AbortSignal,
): Promise<void> => {
  const known = new Map(before.map(({ metadata }) => [metadata.uid, metadata.resourceVersion]));
  const watched = watchResource<Event>({
    connection,
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    resource: resources.events,
    selection,
    view: (raw) => raw as Event,
    onState: ({ problem }) => {
      if (problem !== undefined) terminal.note(`rouse: out of touch with the API server: ${problem}`);
    },
  });
  let waiting: Event[] = [];
  watched.snapshot.subscribe((change) => {
    if (change.type !== 'set' || known.get(change.value.metadata.uid) === change.value.metadata.resourceVersion) return;
    known.set(change.value.metadata.uid, change.value.metadata.resourceVersion);
    waiting.push(change.value);
    // What comes at once is laid out, and ordered, at once.
    if (waiting.length === 1)
      systemClock.after(settle, () => {
        const events = waiting.toSorted(byTime);
        waiting = [];
        print(events, selection.namespace === undefined, terminal, false);
      });
  });
  await watched.run(signal);
};
