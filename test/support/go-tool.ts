import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/**
 * A program in Go, as `go install` makes it from `packagePath@version`: its path. Built the first time (a minute or two) and cached by name and version, one build at a time on a machine.
 * Rejects, naming what is missing, where it cannot be had.
 */
export const goTool = async (packagePath: string, version: string): Promise<string> => {
  const name = basename(packagePath);
  const key = createHash('sha256').update(`${packagePath}@${version}`).digest('hex').slice(0, 16);
  const directory = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'rouse', `go-${name}-${key}`);
  const binary = join(directory, name);
  if (await exists(binary)) return binary;
  await promisify(execFile)('go', ['version']).catch((cause: unknown) => {
    throw new Error(`${packagePath} is built with Go (https://go.dev/dl), which is not in PATH`, { cause });
  });
  await mkdir(directory, { recursive: true });
  // Into a folder of its own first: the binary is there whole or not at all.
  const script = `[ -x "$1/${name}" ] || { GOBIN="$1/part" nice -n 10 go install -trimpath -ldflags "-s -w" "$2" && mv "$1/part/${name}" "$1/${name}"; }`;
  const child = spawn('flock', [join(directory, 'lock'), 'sh', '-c', script, 'build', directory, `${packagePath}@${version}`], {
    env: { ...process.env, CGO_ENABLED: '0' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${packagePath}@${version} could not be built (exit code ${code ?? 'none'}): see above`);
  return binary;
};
