import type { Server } from 'node:net';
import { messageOf } from '../../../core/index.ts';
import { backlog, listening, ownSockets, type ListeningSockets } from '../../../gateway/index.ts';
import { handleOf, type FromWorker, type PortProblem, type SocketHandle, type ToWorker } from './messages.ts';

type Answer = Extract<ToWorker, { readonly type: 'socket' }>;
type Heard = (answer: Answer, handle: SocketHandle | undefined) => void;

/** `EADDRINUSE` and the like, as node gives it where this process opens a port itself. */
class CannotListen extends Error {
  readonly code: string | undefined;

  constructor({ code, message }: PortProblem) {
    super(message);
    this.code = code;
  }
}

const problemOf = (thrown: unknown): PortProblem => ({
  code: thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : undefined,
  message: messageOf(thrown),
});

const lost: PortProblem = { code: 'EMFILE', message: 'the socket did not arrive: too many open files (EMFILE); raise the limit (ulimit -n)' };

/** A worker's end of `SharedPorts`. */
export class WorkerSockets implements ListeningSockets {
  readonly #send: (message: FromWorker, handle?: SocketHandle) => void;
  readonly #cannotAccept: (error: Error) => void;
  readonly #own: ListeningSockets;
  /** By port: who waits for an answer. One port may be asked for again before the first has it. */
  readonly #asked = new Map<string, Heard[]>();
  readonly #keys = new Map<Server, string>();
  #anyPorts = 0;

  constructor(send: (message: FromWorker, handle?: SocketHandle) => void, cannotAccept: (error: Error) => void) {
    this.#send = send;
    this.#cannotAccept = cannotAccept;
    this.#own = ownSockets(cannotAccept);
  }

  async listen(server: Server, address: string | undefined, port: number): Promise<void> {
    // Every worker opens its ports in the same order, so that the first free one of one is the first of all.
    const key = `${address ?? '*'} ${port === 0 ? `any ${(this.#anyPorts += 1)}` : port}`;
    const { answer, handle } = await this.#ask(key);
    if (answer.answer === 'refused') throw new CannotListen(answer.problem);
    if (answer.answer === 'take') {
      if (handle === undefined) throw new CannotListen(lost);
      await listening(server, this.#cannotAccept, (done) => server.listen(handle, backlog, done));
    } else await this.#open(server, address, port, key);
    this.#keys.set(server, key);
  }

  close(server: Server, ended: () => void): void {
    server.close(ended);
    const key = this.#keys.get(server);
    if (key === undefined) return;
    this.#keys.delete(server);
    this.#send({ type: 'closed', key });
  }

  heard(answer: Answer, handle: SocketHandle | undefined): void {
    const [first, ...others] = this.#asked.get(answer.key) ?? [];
    if (others.length === 0) this.#asked.delete(answer.key);
    else this.#asked.set(answer.key, others);
    first?.(answer, handle);
  }

  async #open(server: Server, address: string | undefined, port: number, key: string): Promise<void> {
    try {
      await this.#own.listen(server, address, port);
    } catch (error) {
      this.#send({ type: 'refused', key, problem: problemOf(error) });
      throw error;
    }
    this.#send({ type: 'opened', key }, handleOf(server));
  }

  #ask(key: string): Promise<{ readonly answer: Answer; readonly handle: SocketHandle | undefined }> {
    return new Promise((resolve) => {
      const heard: Heard = (answer, handle) => resolve({ answer, handle });
      this.#asked.set(key, [...(this.#asked.get(key) ?? []), heard]);
      this.#send({ type: 'want', key });
    });
  }
}
