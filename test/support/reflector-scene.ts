import type { ExecutionContext } from 'ava';
import { millis, seededRandom, silentLogger, systemClock, type Clock } from '../../src/core/index.ts';
import {
  configMapView,
  loadKubeConfig,
  resources,
  watchResource,
  type ReflectorState,
  type ResourceWatch,
  type SnapshotEvent,
  type WatchTiming,
} from '../../src/kube/index.ts';
import { ScriptedKubeApi } from './scripted-kube-api.ts';

/** A running watch over a scripted API. */
export interface Held {
  readonly api: ScriptedKubeApi;
  readonly watch: ResourceWatch<string>;
  /** `+name=x`, `~name=x` and `-name` in the order in which they were told. */
  readonly told: string[];
  readonly states: ReflectorState[];
  /** Waits until the snapshot says `name=x` of exactly these objects. */
  readonly has: (objects: Record<string, string>) => Promise<void>;
}

/** Waits short enough for a test. */
const quick: WatchTiming = {
  silence: millis(5000),
  serverTimeout: millis(300_000),
  firstBackoff: millis(10),
  longestBackoff: millis(50),
  healthyAfter: millis(50),
  lossCheck: millis(40),
  aheadRetry: millis(20),
  listTimeout: millis(5000),
};

/** A watch over a scripted API, until the end of the test. `view` keeps `data.x` and leaves out objects with `data.skip`. */
export const watching = async (
  t: ExecutionContext,
  prepare: (api: ScriptedKubeApi) => void,
  timing: Partial<WatchTiming> = {},
  namespace?: string,
  clock: Clock = systemClock,
): Promise<Held> => {
  const api = await ScriptedKubeApi.start();
  prepare(api);
  const connection = await loadKubeConfig({ kind: 'text', text: api.kubeConfig });
  const states: ReflectorState[] = [];
  const watch = watchResource<string>({
    connection,
    resource: resources.configMaps,
    selection: namespace === undefined ? {} : { namespace },
    view: (raw) => {
      const data = configMapView(raw).data;
      if (data['throw'] !== undefined) throw new Error('a mapper with a mistake');
      return data['skip'] === undefined ? (data['x'] ?? '') : undefined;
    },
    clock,
    random: seededRandom(1),
    logger: silentLogger,
    onState: (state) => states.push(state),
    timing: { ...quick, ...timing },
  });
  const told: string[] = [];
  const content = new Map<string, string>();
  const waiting = new Set<() => void>();
  watch.snapshot.subscribe((event: SnapshotEvent<string>) => {
    if (event.type === 'delete') content.delete(event.key);
    else content.set(event.key, event.value);
    told.push(event.type === 'delete' ? `-${event.key}` : `${event.previous === undefined ? '+' : '~'}${event.key}=${event.value}`);
    for (const check of waiting) check();
  });
  const stop = new AbortController();
  const running = watch.run(stop.signal);
  t.teardown(async () => {
    stop.abort();
    await running;
    connection.close();
    await api.stop();
  });
  const has = (objects: Record<string, string>): Promise<void> =>
    new Promise((resolve, reject) => {
      const want = JSON.stringify(Object.entries(objects).sort());
      const timer = setTimeout(() => {
        reject(new Error(`want ${want}, have ${JSON.stringify([...content].sort())}`));
      }, 30_000);
      const check = (): void => {
        if (JSON.stringify([...content].sort()) !== want) return;
        clearTimeout(timer);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { api, watch, told, states, has };
};

/** Waits until `condition` holds. */
export const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 6000) throw new Error(`never came true: ${condition.toString()}`);
    await systemClock.sleep(millis(5), new AbortController().signal);
  }
};
