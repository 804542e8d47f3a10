import { readdir, readFile } from 'node:fs/promises';
import { until } from '../../support/until.ts';

/** Processes that can be seen from here: number → text of a file of theirs. One that is gone, or only waits to be reaped, has an empty one. */
const ofProcesses = async (file: 'cmdline' | 'environ' | 'stat'): Promise<ReadonlyMap<number, string>> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return new Map(await Promise.all(pids.map(async (pid) => [Number(pid), await readFile(`/proc/${pid}/${file}`, 'latin1').catch(() => '')] as const)));
};

/** Names of the guards of a kubelet, which run its pods and end them when they lose it. */
export const guardsOf = async (kubelet: number): Promise<readonly string[]> => {
  const [stats, commands] = await Promise.all([ofProcesses('stat'), ofProcesses('cmdline')]);
  const children = [...stats].filter(([, stat]) => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === kubelet);
  const lines = children.map(([pid]) => (commands.get(pid) ?? '').split('\0'));
  return lines.filter((line) => line.some((word) => word.includes('kubelet/guard/main'))).map((line) => line.findLast((word) => word !== '') ?? '');
};

/** Resolves when these guards are gone, and every process that carries their mark. */
export const guardsEnded = async (guards: readonly string[]): Promise<void> => {
  if (guards.length === 0) return;
  const isOf = (text: string): boolean => guards.some((guard) => text.includes(guard));
  await until('the pods of a killed node are dead', async () => {
    const [commands, environments] = await Promise.all([ofProcesses('cmdline'), ofProcesses('environ')]);
    return ![...commands.values(), ...environments.values()].some(isOf);
  });
};
