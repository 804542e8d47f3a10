import type { ExecutionContext } from 'ava';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deployment, service, type AppOptions } from './app.ts';
import { kubectlFor, type Kubectl } from './real-kubectl.ts';
import { startRouse, type RouseProcess } from './rouse-process.ts';
import { until } from './until.ts';

/** `rouse local` as users start it, and the real kubectl with the KUBECONFIG that it prints. */
export interface KubectlScene {
  readonly rouse: RouseProcess;
  readonly kubectl: Kubectl;
  /** Of the app of `deploy/examples/hello.yaml`, for requests. */
  readonly appUrl: string;
  /** Writes a file into the home of kubectl; gives its path. */
  file(name: string, content: string): Promise<string>;
  /** A manifest of `deployment(name)` and `service(name)`. */
  manifest(name: string, options?: AppOptions): Promise<string>;
  /** Applies `manifest(name)`, and waits until its Service leads to the gateway. */
  onboard(name: string, options?: AppOptions): Promise<Onboarded>;
  close(): Promise<void>;
}

export interface Onboarded {
  readonly manifest: string;
  /** The address of its Service's gateway listener. */
  readonly url: string;
}

export const startKubectlScene = async (): Promise<KubectlScene> => {
  const home = await mkdtemp(join(tmpdir(), 'rouse-kubectl-'));
  const rouse = startRouse(['local', '-f', 'deploy/examples/hello.yaml', '--api-port', '0', '--gateway-port', '0', '--metrics-port', '0']);
  const [, kubeconfig = ''] = await rouse.line(/export KUBECONFIG=(\S+)/);
  const [, appUrl = ''] = await rouse.line(/^ready: app=(\S+) /);
  const kubectl = await kubectlFor(kubeconfig, home);
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(home, name);
    await writeFile(path, content);
    return path;
  };
  const manifest = (name: string, options: AppOptions = {}): Promise<string> =>
    file(`${name}.json`, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [deployment(name, options), service(name)] }));
  return {
    rouse,
    kubectl,
    appUrl,
    file,
    manifest,
    onboard: async (name, options = {}) => {
      const path = await manifest(name, options);
      await kubectl(['apply', '-f', path]);
      const url = await until(`the Service ${name} leads to the gateway`, async () => {
        const [selector, ports] = (
          await kubectl(['get', 'service', name, '-o', "jsonpath={.spec.selector}|{.metadata.annotations['rouse\\.dev/gateway-ports']}"])
        ).split('|');
        const port = /^80=(\d+)$/.exec(ports ?? '')?.[1];
        return selector === '' && port !== undefined && `http://127.0.0.1:${port}/`;
      });
      return { manifest: path, url };
    },
    close: async () => {
      await rouse.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
};

/** Waits until `kubectl` answers with what `holds` wants; gives that answer. */
export const untilAnswer = async (kubectl: Kubectl, args: readonly string[], holds: (stdout: string) => boolean, withinMs = 20_000): Promise<string> => {
  let last = '';
  return until(
    `kubectl ${args.join(' ')} answers as wanted`,
    async () => {
      last = await kubectl(args);
      return holds(last) ? last || ' ' : undefined;
    },
    withinMs,
    () => last,
  );
};

/** Cells of the table that `kubectl get` printed, without its head. */
export const rowsOf = (table: string): readonly (readonly string[])[] =>
  table
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s{2,}/));

/** Asserts that a text has each of `patterns`. */
export const tells = (t: ExecutionContext, text: string, patterns: readonly RegExp[]): void => {
  for (const pattern of patterns) t.regex(text, pattern);
};
