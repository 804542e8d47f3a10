import { readdirSync, readFileSync } from 'node:fs';

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

/** How many files, connections among them, the process has open. */
export const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;
