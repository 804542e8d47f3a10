import { readFileSync } from 'node:fs';

const ofProcess = (pid: number, file: string): string => readFileSync(`/proc/${pid}/${file}`, 'utf8');

/** User and system time so far of all threads, in seconds; the clock ticks are hundredths of a second on every Linux there is. */
export const cpuSeconds = (pid: number): number => {
  const fields = ofProcess(pid, 'stat')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Resident memory, in bytes. */
export const residentBytes = (pid: number): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(ofProcess(pid, 'status'))?.[1]) * 1024;

/** How many IPv4 connections to that port of this machine are established, as the kernel has them at the side that was connected to. */
export const connectionsTo = (port: number): number => {
  const established = '01';
  const rows = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return rows.filter((row) => {
    const [, local = '', , state] = row.trim().split(/\s+/);
    return state === established && Number.parseInt(local.split(':')[1] ?? '', 16) === port;
  }).length;
};
