import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { until } from '../../../test/support/until.ts';
import { acceptFrom, type AcceptedSocket } from './accepted-socket.ts';
import { ClientConnection } from './client-connection.ts';
import type { BodySink } from './message-body.ts';

/** A port whose connections go to `accepted`. */
const listen = async (t: ExecutionContext, accepted: (socket: AcceptedSocket) => void): Promise<number> => {
  const server = createServer({ allowHalfOpen: true }, () => t.fail('the server was told of a connection'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.true(acceptFrom(server, accepted), 'this Node lets nobody take connections from a server: see acceptFrom');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
};

const dial = (t: ExecutionContext, port: number): Socket => {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  t.teardown(() => socket.destroy());
  return socket;
};

test('without a reader it is a socket as any other: it streams, waits while it is paused, and ends', async (t) => {
  const near: Socket[] = [];
  const port = await listen(t, (socket) => near.push(socket));
  const far = dial(t, port);
  const socket = await until('accepted', () => near[0]);
  let text = '';
  let isEnded = false;
  socket
    .pause()
    .on('data', (chunk: Buffer) => (text += chunk.toString()))
    .on('end', () => (isEnded = true));
  far.end('hello');
  // What was sent before is there when another connection is taken.
  await until('it was sent', () => far.writableFinished);
  dial(t, port);
  await until('another is accepted', () => near[1]);
  t.is(text, '');
  socket.resume();
  await until('the end', () => isEnded);
  t.is(text, 'hello');
  for (const each of near) each.destroy();
});

/** Bodies that are told apart: of another length each, none like the next. */
const bodyOf = (connection: number, request: number, bytes: number): Buffer => {
  const word = Buffer.from(`${connection}/${request};`);
  return Buffer.alloc(bytes, word);
};

/** Takes bodies as an outbox does: some it passes on at once, some it needs for as long as the test runs. */
class Sink implements BodySink {
  readonly holdsBytes: boolean;
  readonly #pieces: Buffer[] = [];

  constructor(holdsBytes: boolean) {
    this.holdsBytes = holdsBytes;
  }

  text(text: string): void {
    this.#pieces.push(Buffer.from(text, 'latin1'));
  }

  bytes(chunk: Buffer, from: number, to: number): void {
    const piece = chunk.subarray(from, to);
    this.#pieces.push(this.holdsBytes ? piece : Buffer.from(piece));
  }

  get body(): Buffer {
    return Buffer.concat(this.#pieces);
  }
}

interface Plan {
  /** Lengths of the bodies of its requests, which are sent without awaiting answers; each head is a request by itself where that is 0. */
  readonly bodies: readonly number[];
  /** Bytes of each write; round and round. */
  readonly pieces: readonly number[];
  readonly holds: boolean;
  /** After how many pieces of a body its taker wants no more for a moment. */
  readonly tires: number;
  /** Whether they are taken as soon as their head has come. */
  readonly atOnce: boolean;
}

const plan = fc.record({
  bodies: fc.array(
    fc.oneof({ weight: 1, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 9_000 }) }, fc.integer({ min: 1, max: 300_000 })),
    {
      minLength: 1,
      maxLength: 5,
    },
  ),
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 3_000 }), fc.integer({ min: 1, max: 200_000 })), { minLength: 1, maxLength: 6 }),
  holds: fc.boolean(),
  tires: fc.integer({ min: 1, max: 4 }),
  atOnce: fc.boolean(),
});

const send = async (far: Socket, connection: number, { bodies, pieces }: Plan): Promise<void> => {
  const all = Buffer.concat(
    bodies.flatMap((bytes, request) => [
      Buffer.from(`POST /${request} HTTP/1.1\r\nHost: a\r\n${bytes === 0 ? '' : `Content-Length: ${bytes}\r\n`}\r\n`),
      bodyOf(connection, request, bytes),
    ]),
  );
  for (let at = 0, turn = 0; at < all.length; turn += 1) {
    const bytes = pieces[turn % pieces.length] ?? 1;
    if (!far.write(all.subarray(at, at + bytes))) await new Promise((resolve) => far.once('drain', resolve));
    // The other connections have their turn in between.
    else await new Promise((resolve) => setImmediate(resolve));
    at += bytes;
  }
};

test('of several connections that read into the same memory each has what its client sent, and what is held of it stays as it was', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(plan, { minLength: 2, maxLength: 4 }), async (plans) => {
      const sinks: Sink[][] = plans.map(() => []);
      const near: AcceptedSocket[] = [];
      const port = await listen(t, (socket) => near.push(socket));
      const far: Socket[] = [];
      for (const [connection, { holds, tires, atOnce }] of plans.entries()) {
        far.push(dial(t, port));
        const socket = await until('accepted', () => near[connection]);
        const owner = {
          closing: false,
          sweeps: 0,
          headClock: undefined,
          request: (client: ClientConnection) => {
            const sink = new Sink(holds);
            sinks[connection]?.push(sink);
            let pieces = 0;
            let isAnswered = false;
            const goOn = (): void => {
              if (!client.requestWhole || isAnswered) return;
              isAnswered = true;
              client.connectionHeader(false);
              // As an answer of a pod, which comes in another turn.
              setImmediate(() => client.answered());
            };
            client.take({
              bodyArrived: () => {
                pieces += 1;
                if (pieces % tires === 0 && !client.requestWhole) {
                  client.block(true);
                  setImmediate(() => client.block(false));
                }
                goOn();
              },
              bodyBroken: () => t.fail('broken'),
              clientDrained: () => undefined,
              clientGone: () => undefined,
              answering: false,
            });
            const begin = (): void => {
              client.passBody(sink);
              goOn();
            };
            if (atOnce) begin();
            else setImmediate(begin);
          },
          http2: () => t.fail('HTTP/2'),
          unreadable: () => t.fail('unreadable'),
          closed: () => undefined,
        };
        new ClientConnection(owner, socket, '127.0.0.1', 'http');
      }
      await Promise.all(plans.map((each, connection) => send(far[connection]!, connection, each)));
      await until('all has come', () =>
        plans.every(({ bodies }, connection) => bodies.every((bytes, request) => sinks[connection]?.[request]?.body.length === bytes)),
      );
      for (const [connection, { bodies }] of plans.entries())
        for (const [request, bytes] of bodies.entries())
          if (sinks[connection]?.[request]?.body.equals(bodyOf(connection, request, bytes)) !== true)
            throw new Error(`request ${request} of connection ${connection}`);
      for (const socket of near) socket.destroy();
    }),
    { numRuns: 60 },
  );
});
