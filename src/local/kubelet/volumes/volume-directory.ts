import { chmod, chown, mkdir, readFile, readdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { VolumeContent } from './volume-content.ts';

export interface Ownership {
  /** The user that all containers of the pod run as, if it is one. */
  readonly user: number | undefined;
  readonly fsGroup: number | undefined;
}

/**
 * Writes all files of a volume at once, as kubelets do (pkg/volume/util/atomic_writer.go): they lie in a directory of their own behind the link `..data`, which
 * is moved when they change. Who reads through the links sees all of the old or all of the new.
 */
export const writeVolume = async (directory: string, content: VolumeContent, ownership: Ownership): Promise<void> => {
  if (await isCurrent(directory, content)) return;
  // Numbered after all that lie there: an earlier try that failed in the middle may have left some.
  const before = (await readdir(directory)).filter((name) => /^\.\.\d+$/.test(name));
  const fresh = `..${Math.max(0, ...before.map((name) => Number(name.slice(2)))) + 1}`;
  for (const [path, { bytes, mode, isToken }] of content) {
    const file = join(directory, fresh, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    await chmod(file, modeOf(mode, isToken, ownership));
    const { user, fsGroup } = ownership;
    if (fsGroup !== undefined) await chown(file, 0, fsGroup);
    else if (isToken && user !== undefined) await chown(file, user, 0);
  }
  await mkdir(join(directory, fresh), { recursive: true });
  await rm(join(directory, '..data_tmp'), { force: true });
  await symlink(fresh, join(directory, '..data_tmp'));
  await rename(join(directory, '..data_tmp'), join(directory, '..data'));
  const tops = new Set([...content.keys()].map((path) => path.split('/')[0] ?? ''));
  const there = (await readdir(directory)).filter((name) => !name.startsWith('..'));
  for (const top of tops) if (!there.includes(top)) await symlink(join('..data', top), join(directory, top));
  for (const top of there) if (!tops.has(top)) await rm(join(directory, top));
  for (const name of before) await rm(join(directory, name), { recursive: true });
};

/** A token is for the pod's user alone, or for its group (pkg/volume/projected). */
const modeOf = (mode: number, isToken: boolean, { user, fsGroup }: Ownership): number => {
  if (fsGroup !== undefined) return (isToken ? 0o600 : mode) | 0o440;
  return isToken && user !== undefined ? 0o600 : mode;
};

const isCurrent = async (directory: string, content: VolumeContent): Promise<boolean> => {
  if (!(await readdir(directory)).includes('..data')) return false;
  const same = await Promise.all(
    [...content].map(async ([path, { bytes }]) => (await readFile(join(directory, '..data', path)).catch(() => undefined))?.equals(bytes)),
  );
  const names = (await readdir(directory)).filter((name) => !name.startsWith('..'));
  return same.every(Boolean) && names.length === new Set([...content.keys()].map((path) => path.split('/')[0])).size;
};
