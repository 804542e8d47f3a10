import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { access, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const source = join(import.meta.dirname, '..', 'controlplane');
const sources = ['main.go', 'go.mod', 'go.sum'];
const leastGo = [1, 26] as const;

/** Must agree with go.mod: without it the server calls itself v0.0.0-master, which clients that look at versions refuse. */
const version = 'v1.36.3';

/** etcd, kube-apiserver, kube-controller-manager and kube-scheduler as one binary: its path. Built the first time (about 10 minutes on 2 cores) and cached by the hash of its sources. */
export const controlPlaneBinary = async (say: (line: string) => void): Promise<string> => {
  const hash = createHash('sha256').update(version);
  for (const name of sources) hash.update(await readFile(join(source, name)));
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'rouse');
  const directory = join(cache, `controlplane-${hash.digest('hex').slice(0, 16)}`);
  const binary = join(directory, 'controlplane');
  if (await exists(binary)) return binary;
  await checkGo();
  await mkdir(directory, { recursive: true });
  await build(directory, binary, say);
  return binary;
};

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

const checkGo = async (): Promise<void> => {
  const wanted = `the control plane is built with Go ${leastGo.join('.')} or newer (https://go.dev/dl)`;
  // In the module's folder, so that a Go that can fetch the wanted toolchain by itself has done so.
  const found = await run('go', ['version'], { cwd: source }).catch((failure: unknown) => {
    const isMissing = failure instanceof Error && 'code' in failure && failure.code === 'ENOENT';
    throw new Error(isMissing ? `there is no "go" in PATH: ${wanted}` : `${wanted}, and this one does not work: ${String(failure)}`);
  });
  const [, major = 0, minor = 0] = (/go(\d+)\.(\d+)/.exec(found.stdout) ?? []).map(Number);
  if (major < leastGo[0] || (major === leastGo[0] && minor < leastGo[1])) throw new Error(`${found.stdout.trim()} is too old: ${wanted}`);
};

/** One build at a time on a machine, with the lowest claim on it; the binary is there whole or not at all. */
const build = async (directory: string, binary: string, say: (line: string) => void): Promise<void> => {
  const flags = `-trimpath -ldflags "-s -w -X k8s.io/component-base/version.gitVersion=${version}"`;
  const script = `[ -x "$1" ] || { nice -n 10 go build ${flags} -o "$1.part" . && mv "$1.part" "$1"; }`;
  const since = performance.now();
  say('building the control plane, once: about 10 minutes on 2 cores');
  const telling = setInterval(() => {
    say(`still building the control plane (${Math.round((performance.now() - since) / 1000)} s)`);
  }, 30_000);
  try {
    const child = spawn('flock', [join(directory, 'lock'), 'sh', '-c', script, 'build', binary], {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: '0' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`the control plane could not be built (exit code ${code ?? 'none'}): see above`);
  } finally {
    clearInterval(telling);
  }
};
