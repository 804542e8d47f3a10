import { execFileSync } from 'node:child_process';
import { connect } from 'node:net';
import type { Container, Pod, PodSpec } from 'kubernetes-types/core/v1.d.ts';
import { annotation, millis, parseLocalPorts, silentLogger, systemClock, systemRandom } from '../../core/index.ts';
import { resources } from '../../kube/index.ts';
import { startControllers } from '../embedded/controllers/start.ts';
import type { InProcessApi, StoredObject } from '../embedded/in-process-api.ts';
import type { PodLogRequest } from '../embedded/pod-log-source.ts';
import { startEmbeddedApi } from '../embedded/start.ts';
import { startEmbeddedKubelet } from './embedded-kubelet.ts';
import type { Kubelet } from './kubelet.ts';

export type StoredPod = Pod & StoredObject;

export interface Machine {
  readonly api: InProcessApi;
  readonly kubelet: Kubelet;
  close(): Promise<void>;
}

/** What processes of tests need of this machine. */
const baseEnvironment = { PATH: `${process.execPath.slice(0, process.execPath.lastIndexOf('/'))}:${process.env['PATH'] ?? ''}` };

/** An embedded cluster with real processes, on the real clock. */
export const startMachine = async (): Promise<Machine> => {
  const shared = { clock: systemClock, random: systemRandom, logger: silentLogger };
  const embedded = await startEmbeddedApi({ ...shared, httpsPort: 0, logSource: { open: () => ({ kind: 'missing', message: 'not asked for here' }) } });
  const controllers = startControllers(embedded.api, systemClock, systemRandom, silentLogger);
  const kubelet = await startEmbeddedKubelet({ ...shared, api: embedded.api, baseEnvironment, cwd: '/' });
  return {
    api: embedded.api,
    kubelet,
    close: async () => {
      await kubelet.close(500);
      controllers.close();
      await embedded.close();
    },
  };
};

/** A container that runs a piece of JavaScript. */
export const node = (program: string, more: Partial<Container> = {}): Container => ({
  name: 'app',
  image: 'example/app',
  command: ['node', '-e', program],
  ...more,
});

/** Answers every request with `body` on PORT; ends on SIGTERM as any program does that says nothing about it. */
export const server = (body = '"ok"'): string => `require('http').createServer((q,r)=>r.end(${body})).listen(process.env.PORT, process.env.HOST)`;

/** A short wait before a look that no event announces. */
export const pause = (): Promise<void> => systemClock.sleep(millis(10), new AbortController().signal);

let created = 0;

export const createPod = (api: InProcessApi, containers: readonly Container[], spec: Partial<PodSpec> = {}): Promise<StoredPod> => {
  created += 1;
  return api.create(resources.pods, { metadata: { name: `pod-${created}`, namespace: 'default' }, spec: { containers: [...containers], ...spec } }, 'test');
};

/** Resolves with the pod as soon as `isSo`; rejects after 60 s with the pod's status. */
export const until = (api: InProcessApi, pod: StoredPod, isSo: (pod: StoredPod) => boolean): Promise<StoredPod> =>
  new Promise((resolve, reject) => {
    const found = (): StoredPod | undefined => api.get(resources.pods, 'default', pod.metadata.name);
    const now = found();
    if (now !== undefined && isSo(now)) {
      resolve(now);
      return;
    }
    const finish = (): void => {
      stop();
      timer.cancel();
    };
    const timer = systemClock.after(millis(60_000), () => {
      finish();
      reject(new Error(`waited in vain; the pod is ${JSON.stringify(found()?.status ?? 'gone')}`));
    });
    const stop = api.watch(resources.pods, ({ object }) => {
      if (object.metadata.uid !== pod.metadata.uid || !isSo(object)) return;
      finish();
      resolve(object);
    });
  });

export const untilGone = async (api: InProcessApi, pod: StoredPod): Promise<void> => {
  if (api.get(resources.pods, 'default', pod.metadata.name) === undefined) return;
  await new Promise<void>((resolve) => {
    const stop = api.watch(resources.pods, ({ type, object }) => {
      if (type !== 'DELETED' || object.metadata.uid !== pod.metadata.uid) return;
      stop();
      resolve();
    });
  });
};

export const isReady = (pod: Pod): boolean => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
export const stateOf = (pod: Pod, index = 0) => pod.status?.containerStatuses?.[index];
export const portOf = (pod: Pod, port = '*'): number => parseLocalPorts(pod.metadata?.annotations?.[annotation.localPorts])?.get(port) ?? 0;

/** Resolves when something accepts connections there. */
export const accepting = async (port: number): Promise<void> => {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (isOpen) return;
    await pause();
  }
};

export const logsOf = async ({ kubelet }: Machine, pod: StoredPod, more: Partial<PodLogRequest> = {}): Promise<string> => {
  const log = kubelet.logs.open({
    namespace: 'default',
    pod: pod.metadata.name,
    podUid: pod.metadata.uid,
    container: 'app',
    previous: false,
    follow: false,
    timestamps: false,
    tailLines: undefined,
    sinceMs: undefined,
    limitBytes: undefined,
    signal: new AbortController().signal,
    ...more,
  });
  if (log.kind === 'missing') return `missing: ${log.message}`;
  let text = '';
  for await (const chunk of log.chunks) text += Buffer.from(chunk).toString();
  return text;
};

/** Processes of this machine with `text` in their command line. */
export const processesWith = (text: string): readonly string[] =>
  execFileSync('ps', ['-eo', 'pid=,stat=,args='])
    .toString()
    .split('\n')
    .filter((line) => line.includes(text) && !/^\s*\d+\s+Z/.test(line) && !line.includes('ps -eo'));

/** Resolves when no process has `text` in its command line any more; rejects after 30 s with those that have. */
export const untilNoProcess = async (text: string): Promise<void> => {
  const since = systemClock.monotonic();
  for (let left = processesWith(text); left.length > 0; left = processesWith(text)) {
    if (systemClock.monotonic() - since > 30_000) throw new Error(`still there: ${left.join('; ')}`);
    await pause();
  }
};
