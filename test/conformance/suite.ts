import { Api, type Target } from './api.ts';
import { caseName, type Case } from './case.ts';
import { groups } from './cases/index.ts';
import { Context, until } from './context.ts';
import { listAt, nameOf } from './json.ts';
import { startReceiver, type Receiver } from './webhook-receiver.ts';

export interface CaseResult {
  /** `GROUP: SENTENCE`. */
  readonly name: string;
  readonly problem: string | undefined;
  readonly ms: number;
}

export interface SuiteOptions {
  readonly target: Target;
  /** An address of this machine that the API server can connect to. */
  readonly webhookHost: string;
  /** Only cases whose full name contains this. */
  readonly only?: string | undefined;
  readonly parallel: number;
  readonly report: (result: CaseResult) => void;
}

const caseTimeoutMs = 90_000;

/** Runs the cases, several at a time, each group in a namespace of its own, and cleans up. Rejects only if the server cannot be used at all. */
export const runSuite = async (options: SuiteOptions): Promise<{ readonly passed: number; readonly failed: number }> => {
  const api = new Api(options.target);
  const receiver = await startReceiver(options.webhookHost);
  const run = `conf-${Math.floor(Math.random() * 36 ** 6)
    .toString(36)
    .padStart(6, '0')}`;
  const wanted = groups.flatMap((group) =>
    group.cases.filter((one) => caseName(group, one).includes(options.only ?? '')).map((one, index) => ({ group, one, index })),
  );
  const namespaces = [...new Set(wanted.map(({ group }) => `${run}-${group.name}`))];
  const counts = { passed: 0, failed: 0 };
  try {
    for (const name of namespaces) (await api.post('/api/v1/namespaces', { metadata: { name } })).is(201);
    const queue = wanted.values();
    const worker = async (): Promise<void> => {
      for (const { group, one, index } of queue) {
        const context = new Context(api, receiver, `${run}-${group.name}`, `${run}-${group.name}-${index}`);
        const result = await runCase(caseName(group, one), one, context);
        counts[result.problem === undefined ? 'passed' : 'failed'] += 1;
        options.report(result);
      }
    };
    await Promise.all(Array.from({ length: options.parallel }, worker));
  } finally {
    await cleanUp(api, receiver, run, namespaces);
  }
  return counts;
};

const runCase = async (name: string, one: Case, context: Context): Promise<CaseResult> => {
  const start = Date.now();
  let timer: NodeJS.Timeout | undefined;
  let problem: string | undefined;
  try {
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`not done after ${caseTimeoutMs} ms`)), caseTimeoutMs);
    });
    await Promise.race([one.run(context), late]);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  clearTimeout(timer);
  try {
    await context.end();
  } catch (error) {
    problem ??= `clean-up: ${error instanceof Error ? error.message : String(error)}`;
  }
  return { name, problem, ms: Date.now() - start };
};

/** Leaves nothing: webhook configurations first, then the namespaces, with the finalizers that a failed case may have left. */
const cleanUp = async (api: Api, receiver: Receiver, run: string, namespaces: readonly string[]): Promise<void> => {
  try {
    for (const plural of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
      const path = `/apis/admissionregistration.k8s.io/v1/${plural}`;
      const left = (await api.get(path)).list('items').map(nameOf);
      for (const name of left.filter((one) => one.startsWith(run))) await api.delete(`${path}/${name}`);
    }
    for (const name of namespaces) await api.delete(`/api/v1/namespaces/${name}`);
    const mine = async (): Promise<readonly string[]> =>
      (await api.get('/api/v1/namespaces'))
        .list('items')
        .map(nameOf)
        .filter((name) => name.startsWith(run));
    await until(
      async () => {
        const left = await mine();
        await Promise.all(left.map((name) => freeConfigMaps(api, name)));
        return { done: left.length === 0, value: left };
      },
      (left) => `the namespaces to go: ${left.join(', ')}`,
      60_000,
    );
  } finally {
    await receiver.close();
    await api.close();
  }
};

const freeConfigMaps = async (api: Api, namespace: string): Promise<void> => {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  for (const held of (await api.get(path)).list('items').filter((object) => listAt(object, 'metadata.finalizers').length > 0)) {
    await api.patch(`${path}/${nameOf(held)}`, 'merge', { metadata: { finalizers: null } });
  }
};
