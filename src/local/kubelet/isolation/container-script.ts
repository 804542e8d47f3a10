import type { Container, Pod } from 'kubernetes-types/core/v1.d.ts';
import { quoted } from './shell.ts';

export interface Mount {
  readonly source: string;
  /** Inside the container, symbolic links resolved. */
  readonly target: string;
  readonly isReadOnly: boolean;
  readonly isFile: boolean;
}

export interface ContainerScript {
  /** The kubelet's PATH: the container's own counts for its command alone. */
  readonly path: string;
  /** Holds, in the end, why the command was not run: a word of `startProblems`. Empty if it was. */
  readonly problemFile: string;
  /** An empty directory of this container instance. */
  readonly layer: string;
  /** File systems of the machine that lie on top of its root. */
  readonly machineMounts: readonly string[];
  readonly mounts: readonly Mount[];
  /** Files of the pod's own in the place of the machine's: path inside → file. */
  readonly files: Readonly<Record<string, string>>;
  readonly isRootReadOnly: boolean;
  readonly privileges: readonly string[];
  readonly cwd: string;
}

const mountLines = (root: string, { source, target, isReadOnly, isFile }: Mount): readonly string[] => {
  const at = quoted(root + target);
  const make = isFile ? `mkdir -p ${quoted(parentOf(root + target))}; [ -e ${at} ] || : > ${at}` : `mkdir -p ${at}`;
  return [make, `mount --bind ${quoted(source)} ${at}`, ...(isReadOnly ? [`mount -o remount,bind,ro ${at}`] : [])];
};

const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/'));

/**
 * What a container runtime does, by util-linux: the machine's files under a layer of the container's own that takes its changes and is gone with it, volumes
 * in their places, and then the command (the arguments of this script) with the rights that the pod asks for. In a mount namespace of its own.
 */
export const containerScript = (script: ContainerScript): string => {
  const { path, problemFile, layer, machineMounts, mounts, files, isRootReadOnly, privileges, cwd } = script;
  const root = `${layer}/root`;
  return [
    'set -e',
    `exec 9> ${quoted(problemFile)}`,
    "trap 'echo EISOLATION >&9' EXIT",
    '__path=${PATH-}',
    `PATH=${quoted(path)}`,
    `mount -t tmpfs -o mode=755 layer ${quoted(layer)}`,
    `mkdir ${['upper', 'work', 'root'].map((name) => quoted(`${layer}/${name}`)).join(' ')}`,
    `mount -t overlay container -o ${quoted(`lowerdir=/,upperdir=${layer}/upper,workdir=${layer}/work`)} ${quoted(root)}`,
    ...machineMounts.map((path) => `mount --rbind ${quoted(path)} ${quoted(root + path)}`),
    ...Object.entries(files).map(([path, file]) => `cp --remove-destination ${quoted(file)} ${quoted(root + path)}`),
    ...mounts.flatMap((mount) => mountLines(root, mount)),
    ...(isRootReadOnly ? [`mount -o remount,ro ${quoted(root)}`] : []),
    `exec chroot ${quoted(root)} /bin/sh -c ${quoted(commandScript(privileges))} ${quoted(cwd)} "$__path" "$@"`,
  ].join('\n');
};

/** What `problemFile` may say. As errors of a process that cannot be started. */
export const startProblems: Readonly<Record<string, string>> = {
  ENOCWD: 'no such working directory',
  ENOENT: 'no such file',
  EACCES: 'permission denied',
  EISOLATION: "the container's files could not be put together: its log says why",
};

/** Inside: $0 is the working directory, $1 the container's PATH, the rest its command. What cannot be run is told apart from what ends with some exit code. */
const commandScript = (privileges: readonly string[]): string =>
  [
    'cd "$0" 2> /dev/null || { echo ENOCWD >&9; exit 126; }',
    'PATH=$1; shift',
    '__problem=ENOENT; set -f',
    'case $1 in',
    '*/*) [ ! -e "$1" ] || __problem=EACCES; [ ! -f "$1" ] || [ ! -x "$1" ] || __problem= ;;',
    '*) IFS=:; for __at in $PATH; do __at=${__at:-.}/$1; [ -f "$__at" ] && [ -x "$__at" ] && __problem= && break; done; unset IFS ;;',
    'esac',
    '[ -z "$__problem" ] || { echo "$__problem" >&9; exit 127; }',
    `exec ${privileges.map(quoted).join(' ')} "$@" 9>&-`,
  ].join('\n');

/** User, groups and rights of a container, as a command to put before its own. Empty: root with everything. */
export const privilegesOf = (pod: Pod, container: Container, setpriv: string): readonly string[] => {
  const ofPod = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const user = own.runAsUser ?? ofPod.runAsUser;
  const group = own.runAsGroup ?? ofPod.runAsGroup ?? (user === undefined ? undefined : 0);
  const groups = [ofPod.fsGroup, ...(ofPod.supplementalGroups ?? [])].filter((id) => id !== undefined);
  const flags = [
    ...(user === undefined ? [] : [`--reuid=${user}`]),
    ...(group === undefined ? [] : [`--regid=${group}`]),
    ...(groups.length > 0 ? [`--groups=${groups.join(',')}`] : user === undefined && group === undefined ? [] : ['--clear-groups']),
    ...((own.capabilities?.drop ?? []).includes('ALL') ? ['--inh-caps=-all', '--bounding-set=-all'] : []),
    ...(own.allowPrivilegeEscalation === false ? ['--no-new-privs'] : []),
  ];
  return flags.length === 0 ? [] : [setpriv, ...flags];
};
