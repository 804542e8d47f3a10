import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { stringify } from 'yaml';
import { activeRow, controllerOf, served } from '../support/served.ts';
import { kubeconfigFor } from '../support/terminal.ts';

/** Commands on a real terminal, which `script` (bsdutils) makes. */

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
/** As an API server it has no rights to give. */
const controller = (t: ExecutionContext, answersAfterMs: number): Promise<string> =>
  served(t, (request, response) => {
    const answer = (): void => {
      if (request.headers.authorization === undefined) controllerOf(() => [activeRow])(request, response);
      else response.writeHead(403).end('{"message":"not you"}');
    };
    setTimeout(answer, answersAfterMs);
  });

const onTerminal = async (args: readonly string[], url: string, env: Readonly<Record<string, string>> = {}): Promise<string> => {
  const [code, out] = await ended([...args, '--controller', url], env);
  if (code !== 0) throw new Error(`ended with ${String(code)}: ${out}`);
  return out;
};

const ended = async (args: readonly string[], env: Readonly<Record<string, string>>): Promise<readonly [code: number | null, out: string]> => {
  const command = [process.execPath, main, ...args].join(' ');
  const child = spawn('script', ['-qec', `stty cols 120 rows 40; ${command}`, '/dev/null'], {
    // Nothing else of ours: `CI`, `FORCE_COLOR`, `NODE_DISABLE_COLORS` and others tell Node about colours, too.
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (out += chunk));
  const [code] = (await once(child, 'close')) as [number | null];
  return [code, out];
};

test.serial('a terminal gets colours, and none with NO_COLOR', async (t) => {
  const url = await controller(t, 0);
  t.regex(await onTerminal(['status'], url), /\u001B\[1mNAME\b[^]*web +\u001B\[32mactive\u001B\[39m/);
  const plain = await onTerminal(['status'], url, { NO_COLOR: '1' });
  // A busy machine may show the line of progress, which is taken off again.
  t.notRegex(plain, /\u001B\[\d*m/);
  t.regex(plain, /^web +active +1\/1/m);
});

test.serial('what takes longer than a second says so until it is done', async (t) => {
  const out = await onTerminal(['status'], await controller(t, 1500), { NO_COLOR: '1' });
  t.regex(out, /asking the controller … 1 s\r\u001B\[K[^]*NAME +PHASE/);
});

for (const command of ['uninstall', 'restore'])
  test.serial(`so does rouse ${command}, whose steps may wait for the cluster and for pods`, async (t) => {
    const directory = await mkdtemp(join(tmpdir(), 'rouse-terminal-'));
    t.teardown(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, 'kubeconfig'), stringify(kubeconfigFor(await controller(t, 1500))));
    const [code, out] = await ended([command, '--dry-run', '--kubeconfig', join(directory, 'kubeconfig')], {});
    t.is(code, 3, out);
    t.regex(out, /reading the cluster … 1 s\r\u001B\[K[^]*rouse: .*not you/);
  });
