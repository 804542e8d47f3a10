import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** One process of the machine. */
export interface ProcessFigures {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  /** Time on a CPU since it began, that of children it has waited for included. */
  readonly cpuMs: number;
}

/** /proc counts in hundredths of a second on every architecture (USER_HZ). */
const tickMs = 10;

/** proc_pid_stat(5): the name, in parentheses, may hold anything. */
export const parseStat = (text: string): ProcessFigures | undefined => {
  const pid = Number.parseInt(text, 10);
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const [, parent, group, session, , , , , , , , user, system, childUser, childSystem] = fields;
  if (parent === undefined || group === undefined || session === undefined) return undefined;
  const ticks = (user ?? 0) + (system ?? 0) + (childUser ?? 0) + (childSystem ?? 0);
  return Number.isInteger(pid) && Number.isFinite(ticks) ? { pid, parent, group, session, cpuMs: ticks * tickMs } : undefined;
};

/** `[[DD-]HH:]MM:SS[.ss]` of ps(1). */
export const parsePsTime = (text: string): number => {
  const [days, clock] = text.includes('-') ? text.split('-') : ['0', text];
  return ((clock ?? '').split(':').reduce((sum, part) => sum * 60 + Number(part), 0) + Number(days) * 86_400) * 1000;
};

export interface ProcessTable {
  processes(): Promise<readonly ProcessFigures[]>;
  /** Resident bytes; those that are gone are left out. */
  memory(pids: readonly number[]): Promise<number>;
}

const fromProc: ProcessTable = {
  processes: async () => {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
    const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')));
    return stats.flatMap((stat) => parseStat(stat) ?? []);
  },
  memory: async (pids) => {
    const statuses = await Promise.all(pids.map((pid) => readFile(`/proc/${String(pid)}/status`, 'latin1').catch(() => '')));
    return statuses.reduce((sum, status) => sum + Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024, 0);
  },
};

const run = promisify(execFile);

/** Columns of ps(1) of every process; POSIX has no session there, and the group does. */
const ps = async (...columns: readonly string[]): Promise<readonly (readonly string[])[]> => {
  const { stdout } = await run('ps', ['-A', '-o', columns.map((column) => `${column}=`).join(',')], { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split('\n').map((line) => line.trim().split(/\s+/));
};

const fromPs: ProcessTable = {
  processes: async () =>
    (await ps('pid', 'ppid', 'pgid', 'time')).flatMap(([pid, parent, group, time]) =>
      time === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), group: Number(group), session: 0, cpuMs: parsePsTime(time) }],
    ),
  memory: async (pids) => {
    const wanted = new Set(pids.map(String));
    return (await ps('pid', 'rss')).reduce((sum, [pid = '', kilobytes]) => sum + (wanted.has(pid) ? Number(kilobytes) * 1024 : 0), 0);
  },
};

/** Windows has neither: there nothing is measured. */
const nothing: ProcessTable = { processes: () => Promise.resolve([]), memory: () => Promise.resolve(0) };

export const processTable = (platform: NodeJS.Platform): ProcessTable => (platform === 'linux' ? fromProc : platform === 'win32' ? nothing : fromPs);
