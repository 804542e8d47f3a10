import { chmod, mkdir, mkdtemp, readFile, readdir, readlink, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createNetworkNamespace, deleteNetworkNamespace, networkNamespaces } from './network-namespace.ts';

/** Where a cluster lives: its network namespace and its directory, both named after the process that made them. */
export interface Place {
  readonly namespace: string;
  readonly directory: string;
}

const namespaceOf = /^rouse-(\d+)$/;
const placeOf = (pid: string): Place => ({ namespace: `rouse-${pid}`, directory: join(tmpdir(), `rouse-cluster-${pid}`) });

export const claimPlace = async (): Promise<Place> => {
  const place = placeOf(String(process.pid));
  await rm(place.directory, { recursive: true, force: true });
  // Under its name only with its owner in it: another run that sweeps meanwhile must not take it for abandoned.
  const made = await mkdtemp(join(tmpdir(), 'rouse-place-'));
  await chmod(made, 0o755);
  await writeFile(join(made, 'owner'), (await signature('self')) ?? '');
  await rename(made, place.directory);
  await createNetworkNamespace(place.namespace);
  return place;
};

/** What stays of a cluster's directory, in `keptAs`. */
export type Kept = 'all' | 'logs' | 'nothing';

/** Ends every process of the cluster and takes its namespace away, and of its directory what is not `kept`. */
export const removePlace = async (place: Place, kept: Kept = 'nothing'): Promise<void> => {
  const { namespace, directory } = place;
  if ((await networkNamespaces()).includes(namespace)) await deleteNetworkNamespace(namespace);
  // Of an earlier process of our number.
  if (kept !== 'nothing') await rm(keptAs(place), { recursive: true, force: true });
  if (kept === 'all') await rename(directory, keptAs(place));
  if (kept === 'logs') {
    await mkdir(keptAs(place));
    // There are none where it failed before the first part was started.
    await rename(join(directory, 'logs'), join(keptAs(place), 'logs')).catch(() => undefined);
  }
  await rm(directory, { recursive: true, force: true });
};

/** Where no sweep finds it. */
export const keptAs = ({ namespace }: Place): string => join(tmpdir(), `kept-${namespace}`);

/** Takes away what runs that were killed left behind: only clusters of ours, and only where the process that made them is gone. */
export const sweep = async (say: (line: string) => void): Promise<void> => {
  const ours = await processNamespace();
  const ofNamespaces = (await networkNamespaces()).map((name) => namespaceOf.exec(name)?.[1]);
  const ofDirectories = (await readdir(tmpdir())).map((name) => /^rouse-cluster-(\d+)$/.exec(name)?.[1]);
  for (const pid of new Set([...ofNamespaces, ...ofDirectories].filter((one) => one !== undefined))) {
    const place = placeOf(pid);
    const owner = await readFile(join(place.directory, 'owner'), 'utf8').catch(() => '');
    const itsProcesses = owner.split(' ')[0];
    // Who is in another process namespace than we (inside of a cluster, or outside of ours) cannot be seen from here.
    if (itsProcesses !== ours && itsProcesses !== '') continue;
    if (owner !== '' && owner === (await signature(pid))) continue;
    say(`taking away what an earlier run left: ${place.namespace}`);
    await removePlace(place);
  }
};

const processNamespace = (): Promise<string> => readlink('/proc/self/ns/pid');

/** A process for good: its namespace, and when it began (clock ticks since boot), as numbers come again. Undefined if there is none of that number here. */
const signature = async (pid: string): Promise<string | undefined> => {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The second field is the command in brackets, which may hold anything; the start time is the 22nd.
  return stat === undefined ? undefined : `${await processNamespace()} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''}`;
};
