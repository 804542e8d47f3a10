// One worker of a gateway: `parent.ts` starts this as a process of its own, and tells it over its channel what to do.
import { jsonLogger, messageOf, millis, systemClock, type Logger, type RouteSnapshot } from '../../../core/index.ts';
import { CommandError, exitCode } from '../../exit-code.ts';
import { gatewayExposition } from '../../operations/exposition.ts';
import type { Expose } from '../../operations/scrapes.ts';
import type { LinkedGateway, StopGateway } from '../linked-gateway.ts';
import { startObserving, type Observing } from '../observing.ts';
import { startGateway } from '../running-gateway.ts';
import { onOrder, type FromWorker, type SocketHandle, type StartWorker } from './messages.ts';
import { Outbox } from './outbox.ts';
import { holdSlotsOf, shareOf, shareOfFile } from './share.ts';
import { WorkerSockets } from './worker-sockets.ts';

const outbox = new Outbox<FromWorker>((message, handle, sent) => {
  if (process.connected) process.send?.(message, handle, undefined, sent);
  else queueMicrotask(sent); // without a parent there is nobody to tell
});
/** The last word has been said. */
const hangUp = async (): Promise<void> => {
  await outbox.empty();
  if (process.connected) process.disconnect();
};
const send = (message: FromWorker, handle?: SocketHandle): void => outbox.send(message, handle);

class Worker {
  readonly #start: StartWorker;
  readonly #logger: Logger;
  readonly sockets: WorkerSockets;
  #observing: Promise<Observing> | undefined;
  #gateway: Promise<LinkedGateway> | undefined;
  #stopping = false;

  constructor(start: StartWorker) {
    this.#start = start;
    this.#logger = jsonLogger((line) => process.stderr.write(`${line}\n`), systemClock, start.flags.logLevel, { worker: start.index });
    this.sockets = new WorkerSockets(send, (error) => this.#logger.warn('a connection could not be taken', { error }));
  }

  async run(): Promise<void> {
    const { flags, podName, gateway, index, ended } = this.#start;
    const place = { index, workers: flags.workers };
    const share = flags.routes === undefined ? shareOf : shareOfFile;
    const part = {
      sockets: this.sockets,
      claim: { gateway, index, workers: flags.workers, ended },
      holdSlots: holdSlotsOf(flags.workers),
      share: (snapshot: RouteSnapshot) => share(snapshot, place),
    };
    this.#observing = startObserving(flags, this.#logger, 'worker');
    this.#gateway = this.#observing.then(({ observed }) => startGateway(flags, podName, this.#logger, observed, part));
    try {
      const running = await this.#gateway;
      const { sharedPort, tlsPort } = running.gateway;
      send({ type: 'started', id: running.id, ports: { sharedPort, tlsPort } });
      await this.#tellReadiness(running);
    } catch (error) {
      const known = error instanceof CommandError;
      send({ type: 'failed', message: messageOf(error), exitCode: known ? error.exitCode : exitCode.failure });
      if (!known) this.#logger.error('the worker could not start', { error });
      await hangUp();
    }
  }

  async metrics(question: number): Promise<void> {
    const text = await this.#exposition();
    if (text !== undefined) send({ type: 'metrics', question, text });
  }

  async stop(how: StopGateway): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const running = await this.#gateway?.catch(() => undefined);
    await running?.stop(how);
    await (await this.#observing?.catch(() => undefined))?.end();
    send({ type: 'stopped', text: (await this.#exposition()) ?? '' });
    await hangUp();
  }

  #expose: Expose | undefined;

  async #exposition(): Promise<string | undefined> {
    const running = await this.#gateway?.catch(() => undefined);
    if (running === undefined) return undefined;
    this.#expose ??= gatewayExposition(running);
    return (await this.#expose('text')).body;
  }

  async #tellReadiness(running: LinkedGateway): Promise<void> {
    let told: string | undefined = '';
    while (told !== undefined && !this.#stopping) {
      const waitsFor = running.notReady();
      if (waitsFor !== told) send({ type: 'readiness', waitsFor });
      told = waitsFor;
      if (told !== undefined) await systemClock.sleep(millis(50), new AbortController().signal);
    }
  }
}

let worker: Worker | undefined;
onOrder(process, (message, handle) => {
  switch (message.type) {
    case 'start':
      worker = new Worker(message);
      return void worker.run();
    case 'socket':
      return worker?.sockets.heard(message, handle);
    case 'metrics':
      return void worker?.metrics(message.question);
    case 'stop':
      return void worker?.stop(message.how);
  }
});
// Without its parent it ends as though it had been told to: what it has in flight is answered.
process.on('disconnect', () => void worker?.stop('leave'));
// A terminal tells every process; only the parent is to act on it.
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => undefined);
