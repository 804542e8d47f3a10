import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** The machine's programs that isolate, by their paths: a container's own PATH must not lead to others. */
export interface Programs {
  readonly nsenter: string;
  readonly unshare: string;
  readonly setpriv: string;
  /** Where scripts find the rest. */
  readonly path: string;
}

export const machinePrograms = (): Programs => {
  const path = process.env['PATH'] ?? '';
  const find = (name: string): string =>
    path
      .split(':')
      .map((directory) => join(directory, name))
      .find((file) => existsSync(file)) ?? name;
  return { nsenter: find('nsenter'), unshare: find('unshare'), setpriv: find('setpriv'), path };
};
