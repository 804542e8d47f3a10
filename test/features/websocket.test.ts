import { once } from 'node:events';
import test from 'ava';
import { WebSocket } from 'ws';
import { startTestLocal, type TestApp, type TestLocal } from '../support/local.ts';
import { until } from '../support/until.ts';

let rouse: TestLocal;
test.before(async () => {
  rouse = await startTestLocal();
});
test.after.always(() => rouse.close());

const windowMs = 6000;

/** A client of the echo that `programs/app.js` offers on every path. */
class EchoClient {
  readonly #socket: WebSocket;
  #closedBy: string | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('error', (error) => (this.#closedBy ??= error.message));
    socket.on('close', (code) => (this.#closedBy ??= `code ${code}`));
  }

  /** Resolves when the upgrade was answered. */
  static async open({ port }: TestApp): Promise<EchoClient> {
    const client = new EchoClient(new WebSocket(`ws://127.0.0.1:${port}/echo`));
    await once(client.#socket, 'open');
    return client;
  }

  get closedBy(): string | undefined {
    return this.#closedBy;
  }

  async echo(message: string | Buffer): Promise<{ readonly data: Buffer; readonly isBinary: boolean }> {
    const answer = once(this.#socket, 'message');
    this.#socket.send(message);
    const [data, isBinary] = (await answer) as [Buffer, boolean];
    return { data, isBinary };
  }

  async close(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

/** Waits for a regular look at the workload that comes `ms` or more after now; gives what was decided from now on. */
const looksFor = async (app: TestApp, ms: number): Promise<readonly number[]> => {
  const from = Date.now();
  const seen = new Map<number, number>();
  await until(`a look at ${app.name} ${ms} ms later`, () => {
    for (const { at, to } of rouse.local.controller.scaler.decided.explain('default', app.name)?.decisions ?? []) seen.set(at, to);
    return [...seen.keys()].some((at) => at >= from + ms);
  });
  return [...seen].filter(([at]) => at >= from).map(([, to]) => to);
};

test('a WebSocket is held at zero, wakes the workload, and keeps it while it is open though nothing is said', async (t) => {
  const app = await rouse.run('socket');
  t.is(await app.replicas(), 0);
  const client = await EchoClient.open(app);
  t.is(await app.replicas(), 1);
  t.is((await client.echo('hello')).data.toString(), 'hello');
  const bytes = Buffer.from([0, 255, 1, 254]);
  t.deepEqual(await client.echo(bytes), { data: bytes, isBinary: true });

  // Silent for longer than the window: what keeps it is that the connection is open.
  const counts = await looksFor(app, windowMs + 2000);
  t.deepEqual(new Set(counts), new Set([1]));
  t.is(client.closedBy, undefined);
  t.is((await client.echo('still there')).data.toString(), 'still there');

  const closedAt = performance.now();
  await client.close();
  await app.reach(0);
  t.true(performance.now() - closedAt >= windowMs - 2000, 'the window has the connection in it for a while');
});

test('a scale-in takes the pod without an open WebSocket', async (t) => {
  const app = await rouse.run('sockets', {
    annotations: {
      'rouse.dev/enabled': 'true',
      'rouse.dev/window': '6s',
      'rouse.dev/container-concurrency': '1',
      'rouse.dev/target-utilization-percentage': '100',
    },
  });
  const [first, second] = await Promise.all([EchoClient.open(app), EchoClient.open(app)]);
  await app.reach(2);
  await first.close();
  await app.reach(1);
  t.is(second.closedBy, undefined);
  t.is((await second.echo('mine is kept')).data.toString(), 'mine is kept');
  await second.close();
});
