import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, basename } from 'node:path';

/** Directories on which another file system than the root's is mounted, the topmost ones: what a copy of the root lacks. */
export const machineMounts = async (): Promise<readonly string[]> => {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).trim().split('\n');
  const points = [
    ...new Set(lines.map((line) => (line.split(' ')[4] ?? '').replace(/\\(\d{3})/g, (_, code: string) => String.fromCharCode(parseInt(code, 8))))),
  ];
  const topmost = points.filter((point) => point !== '/' && !points.some((other) => other !== '/' && point.startsWith(`${other}/`)));
  const directories = await Promise.all(topmost.map(async (point) => ((await stat(point).catch(() => undefined))?.isDirectory() === true ? [point] : [])));
  return directories.flat();
};

/** Where a path inside a container leads in the machine's tree: symbolic links of the part that is there are followed. */
export const resolvedInside = async (path: string): Promise<string> => {
  try {
    return await realpath(path);
  } catch {
    return path === '/' ? path : join(await resolvedInside(dirname(path)), basename(path));
  }
};
