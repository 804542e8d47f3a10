import { isAbort, seconds, systemNamespace, type Clock, type Logger } from '../../core/index.ts';
import { configMapView, resources, type KubeClient } from '../../kube/index.ts';
import type { StartHistory } from './start-history.ts';
import { parseHistory, printHistory } from './written-history.ts';

export interface HistoryStorePorts {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'mergePatch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly history: StartHistory;
}

const name = { namespace: systemNamespace, name: 'rouse-placement-history' } as const;
const period = seconds(300);

/**
 * Keeps the history over restarts, in ConfigMap `rouse-placement-history`. Every replica reads it when it starts; each sees all starts by itself from then on,
 * and the leader writes them down. Losing it costs what was learned, and nothing else: no failure here is more than a line in the log.
 */
export class HistoryStore {
  readonly #ports: HistoryStorePorts;
  #written = 0;

  constructor(ports: HistoryStorePorts) {
    this.#ports = ports;
  }

  /** Once, before the first pod is placed. Rejects where `signal` aborts. */
  async read(signal: AbortSignal): Promise<void> {
    const { client, logger, history } = this.#ports;
    const found = await client.get(resources.configMaps, name, signal);
    if (!found.ok) {
      if (found.problem.kind !== 'not-found') logger.warn('the history of starts could not be read, it is learned anew', { problem: found.problem.message });
      return;
    }
    const { revisions, nodes, dropped } = parseHistory(configMapView(found.value).data);
    if (dropped > 0) logger.warn('parts of the history of starts were not readable and are dropped', { configMap: name.name, dropped });
    history.adopt(revisions, nodes);
    this.#written = history.version;
  }

  /** Writes what has changed, every 5 min at most, until `signal` aborts. */
  async lead(signal: AbortSignal): Promise<void> {
    const { clock, history } = this.#ports;
    try {
      for (;;) {
        await clock.sleep(period, signal);
        const { version } = history;
        if (version !== this.#written && (await this.#write(signal))) this.#written = version;
      }
    } catch (thrown) {
      if (!isAbort(thrown) && !signal.aborted) throw thrown;
    }
  }

  async #write(signal: AbortSignal): Promise<boolean> {
    const { client, logger, history } = this.#ports;
    const data = printHistory(history);
    let outcome = await client.mergePatch(resources.configMaps, name, { data }, signal);
    if (!outcome.ok && outcome.problem.kind === 'not-found')
      outcome = await client.create(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...name }, data: { ...data } }, signal);
    if (!outcome.ok) logger.warn('the history of starts could not be written, the next time is in 5 min', { problem: outcome.problem.message });
    return outcome.ok;
  }
}
