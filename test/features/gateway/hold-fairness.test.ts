import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test, { type ExecutionContext } from 'ava';
import { podAt, startOrigin, startRig, startSharedRig, until, web, type Origin, type RigWorkload, type SharedRig } from '../../support/gateway-rig.ts';

/** What one gateway holds for many workloads: bounded in calls and in bytes, fairly shared, each request answered once. Budgets are a tenth of that in production, so that the sockets of both ends fit into one test process. One test after the other: each has the process's memory and time to itself. */

const slots = 1000;

interface Answer {
  readonly status: number;
  /** What the pod answers with: the path that it was asked for. Of a refusal, its code. */
  readonly said: string;
}

/** One connection that asks for `paths` one after the other, all sent at once; what it gets back is read in order. */
class Client {
  readonly paths: readonly string[];
  readonly answers: Answer[] = [];
  readonly #socket: Socket;
  #text = '';

  constructor(port: number, paths: readonly string[]) {
    this.paths = paths;
    this.#socket = connect(port, '127.0.0.1', () => this.#socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: web\r\n\r\n`).join('')));
    this.#socket.setEncoding('latin1').on('data', (chunk: string) => this.#read(chunk));
    this.#socket.on('error', () => undefined);
  }

  get done(): boolean {
    return this.answers.length >= this.paths.length;
  }

  end(): void {
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    for (;;) {
      const headEnd = this.#text.indexOf('\r\n\r\n');
      if (headEnd < 0) return;
      const head = this.#text.slice(0, headEnd);
      const end = headEnd + 4 + Number(/^content-length: (\d+)$/im.exec(head)?.[1]);
      if (Number.isNaN(end)) throw new Error(`an answer of unknown length: ${head}`);
      if (this.#text.length < end) return;
      const body = this.#text.slice(headEnd + 4, end);
      const status = Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length));
      if (status === 503 && !/^retry-after: 1$/im.test(head)) throw new Error(`a refusal without Retry-After: ${head}`);
      this.answers.push({ status, said: status === 200 ? body : (JSON.parse(body) as { readonly code: string }).code });
      this.#text = this.#text.slice(end);
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
/** What was read from sockets and is still needed. */
const readBytes = (): number => {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().arrayBuffers;
};
const heldIn = ({ gateway }: Pick<SharedRig, 'gateway'>): number => sum([...gateway.counters.workloads.values()].map(({ held }) => held));
const echo = (t: ExecutionContext): Promise<Origin> =>
  startOrigin((request, response) => response.end(request.url)).then((origin) => {
    t.teardown(origin.die);
    return origin;
  });

test.serial(
  'one workload floods with 12,000 requests: of 49 quiet ones none is refused, each holds its 1 to 20, and every request is answered once',
  async (t) => {
    const rig = await startSharedRig(
      Array.from({ length: 50 }, () => ({ holdQueueDepth: 100_000, holdTimeoutMs: 60_000 })),
      { holdSlots: slots },
    );
    t.teardown(rig.stop);
    const [flooded, ...quiet] = rig.workloads as readonly [RigWorkload, ...RigWorkload[]];
    const countOf = (index: number): number => (index % 20) + 1;
    const flood: Client[] = [];
    const calm: Client[] = [];
    t.teardown(() => [...flood, ...calm].forEach((client) => client.end()));
    const pour = (connections: number): void => {
      for (let count = 0; count < connections; count += 1)
        flood.push(
          new Client(
            flooded.port,
            Array.from({ length: 10 }, (_, request) => `/flood/${flood.length}/${request}`),
          ),
        );
    };
    const refused = (): number => rig.gateway.counters.workloads.get(flooded.key)?.refused.get('hold-queue-full') ?? 0;
    // A third of the flood is there before the quiet ones come, a third comes among them, a third when all of them wait.
    pour(400);
    await until('the first third is held', () => heldIn(rig) === 400);
    for (let turn = 0; turn < 20; turn += 1) {
      pour(20);
      for (const [index, { port }] of quiet.entries()) if (turn < countOf(index)) calm.push(new Client(port, [`/quiet/${index}/${turn}`]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    pour(400);
    const floodHolds = slots - calm.length;
    await until('all that is too much is refused', () => heldIn(rig) === slots && refused() >= 10 * (1200 - floodHolds));
    for (const [index, { key }] of quiet.entries()) {
      t.is(rig.gateway.counters.workloads.get(key)?.held, countOf(index));
      t.is(rig.gateway.counters.workloads.get(key)?.refused.size, 0);
    }
    t.is(rig.gateway.counters.workloads.get(flooded.key)?.held, floodHolds);
    t.is(rig.gateway.counters.holdBudget.usedBytes, rig.gateway.counters.holdBudget.bytes);

    const origin = await echo(t);
    await Promise.all(rig.workloads.map(({ route }) => route({ containerConcurrency: 20, pods: [podAt(origin.port)] })));
    await until('all are answered', () => [...flood, ...calm].every(({ done }) => done));
    for (const { answers, paths } of calm) t.deepEqual(answers, [{ status: 200, said: paths[0]! }]);
    const floodAnswers = flood.flatMap(({ answers, paths }) => answers.map((answer, index) => ({ ...answer, path: paths[index] })));
    t.is(floodAnswers.length, 12_000);
    t.true(floodAnswers.every(({ status, said, path }) => (status === 200 ? said === path : status === 503 && said === 'hold-queue-full')));
    // Nobody got an answer that was not his, no pod was asked twice, and the figures say the same.
    const served = floodAnswers.filter(({ status }) => status === 200).length;
    t.is(origin.requests.length, served + calm.length);
    t.is(new Set(origin.requests.map(({ url }) => url)).size, origin.requests.length);
    const { requests } = rig.gateway.counters.workloads.get(flooded.key)!;
    t.deepEqual([requests.get(200), requests.get(503), requests.size], [served, 12_000 - served, 2]);
    t.is(refused(), 12_000 - served);
    t.deepEqual([heldIn(rig), rig.gateway.counters.holdBudget.usedBytes], [0, 0]);
  },
);

test.serial('a workload that gives way loses its newest requests, and what it keeps is served oldest first', async (t) => {
  const rig = await startSharedRig([{ holdTimeoutMs: 60_000 }, { holdTimeoutMs: 60_000 }], { holdSlots: 20 });
  t.teardown(rig.stop);
  const [old, other] = rig.workloads as readonly [RigWorkload, RigWorkload];
  const clients: Client[] = [];
  t.teardown(() => clients.forEach((client) => client.end()));
  const ask = async ({ port, key }: RigWorkload, path: string): Promise<void> => {
    const held = rig.gateway.counters.workloads.get(key)!.held;
    clients.push(new Client(port, [path]));
    await until(`${path} is held`, () => rig.gateway.counters.workloads.get(key)!.held > held);
  };
  for (let count = 0; count < 20; count += 1) await ask(old, `/old/${count}`);
  for (let count = 0; count < 10; count += 1) await ask(other, `/other/${count}`);
  const overdue = new Client(other.port, ['/other/10']);
  clients.push(overdue);
  await until('the one too much is refused, and those that gave way are told', () => [...clients.slice(10, 20), overdue].every(({ done }) => done));
  t.deepEqual(overdue.answers, [{ status: 503, said: 'hold-queue-full' }]);
  t.deepEqual(
    clients.slice(0, 20).map(({ answers }) => answers[0]?.status),
    [...Array.from({ length: 10 }, () => undefined), ...Array.from({ length: 10 }, () => 503)],
  );
  const origin = await echo(t);
  await old.route({ containerConcurrency: 1, pods: [podAt(origin.port)] });
  await until('served', () => clients.slice(0, 10).every(({ done }) => done));
  t.deepEqual(
    origin.requests.map(({ url }) => url),
    Array.from({ length: 10 }, (_, count) => `/old/${count}`),
  );
});

test.serial('requests of one connection for several workloads, each of which pushes out another connection, are each answered once', async (t) => {
  const rig = await startSharedRig([{ holdTimeoutMs: 60_000 }, { holdTimeoutMs: 60_000 }], { holdSlots: 300 });
  t.teardown(rig.stop);
  const hosts = ['web.default.localhost', 'web-1.default.localhost'];
  const sockets = Array.from({ length: 300 }, () => connect(rig.gateway.sharedPort!, '127.0.0.1'));
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  let received = '';
  for (const socket of sockets) {
    socket.setEncoding('latin1').on('data', (chunk: string) => (received += chunk));
    for (const host of hosts) socket.write(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }
  const counts = (): readonly number[] => rig.workloads.map(({ key }) => rig.gateway.counters.workloads.get(key)!.held);
  await until('all are held', () => counts()[0] === 300);
  // The first of the second workload pushes out one of the first, whose connection then asks for the second workload: until both hold the same.
  const spark = new Client(rig.workloads[1]!.port, ['/spark']);
  t.teardown(() => spark.end());
  await until('even', () => counts()[1] === 150);
  t.deepEqual(counts(), [150, 150]);
  const statuses = (status: number): number => received.split(`HTTP/1.1 ${status} `).length - 1;
  await until('those that were pushed out are told', () => statuses(503) === 151);
  const origin = await echo(t);
  await Promise.all(rig.workloads.map(({ route }) => route({ containerConcurrency: 10, pods: [podAt(origin.port)] })));
  await until('all are answered', () => statuses(200) + statuses(503) === 600 && spark.done);
  t.is(statuses(200) + spark.answers.filter(({ status }) => status === 200).length, origin.requests.length);
});

test.serial(
  '400 uploads of 1 MB at once: those that fit into the budget wait, the rest stays in the kernel or is refused, and each is answered once and whole',
  async (t) => {
    const size = 1_000_000;
    const uploads = 400;
    const rig = await startRig({ holdQueueDepth: 100_000, holdTimeoutMs: 60_000 }, { holdSlots: slots });
    t.teardown(rig.stop);
    const counters = rig.gateway.counters.workloads.get(web)!;
    const body = Buffer.alloc(size, 'x');
    const before = readBytes();
    const answers: string[] = [];
    const sockets: Socket[] = [];
    t.teardown(() => sockets.forEach((socket) => socket.destroy()));
    for (let count = 0; count < uploads; count += 1) {
      const socket = connect(rig.port, '127.0.0.1', () => {
        socket.write(`POST /${count} HTTP/1.1\r\nHost: web\r\nContent-Length: ${size}\r\n\r\n`);
        // Not copied: of what the clients send there is one copy for all.
        socket.write(body);
      });
      let answer = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => {
        if (answer === '') answers.push(chunk.slice(0, 12));
        answer += chunk;
        socket.destroy();
      });
      socket.on('error', () => undefined);
      sockets.push(socket);
    }
    await until(
      'held or refused',
      () => counters.held + (counters.refused.get('hold-queue-full') ?? 0) === uploads && answers.length + counters.held === uploads,
    );
    const held = counters.held;
    t.true(held >= 70, `${held} are held`);
    t.true(rig.gateway.counters.holdBudget.usedBytes <= rig.gateway.counters.holdBudget.bytes);
    await until('no more of them is kept than was charged', () => readBytes() - before <= rig.gateway.counters.holdBudget.usedBytes);
    let whole = 0;
    const origin = await startOrigin((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => {
        if (bytes === size) whole += 1;
        response.end();
      });
    });
    t.teardown(origin.die);
    await rig.route({ containerConcurrency: 20, pods: [podAt(origin.port)] });
    await until('all are answered', () => answers.length === uploads);
    t.deepEqual([whole, answers.filter((answer) => answer === 'HTTP/1.1 200').length], [held, held]);
    t.is(answers.filter((answer) => answer === 'HTTP/1.1 503').length, uploads - held);
  },
);

test.serial('a request that grows while it is held is charged for it', async (t) => {
  const rig = await startSharedRig([{ holdTimeoutMs: 60_000 }, { holdTimeoutMs: 60_000 }], { holdSlots: 4 });
  t.teardown(rig.stop);
  const [quiet, greedy] = rig.workloads as readonly [RigWorkload, RigWorkload];
  const calm = new Client(quiet.port, ['/calm']);
  const sockets = [0, 1].map(() => connect(greedy.port, '127.0.0.1').on('error', () => undefined));
  t.teardown(() => [calm, ...sockets].forEach((client) => (client instanceof Client ? client.end() : client.destroy())));
  // A GET announces no body: that more comes behind it is seen when it does.
  for (const socket of sockets) socket.write('GET / HTTP/1.1\r\nHost: web-1\r\n\r\n');
  await until('three wait', () => heldIn(rig) === 3);
  for (const socket of sockets) socket.write(Buffer.alloc(200_000, 'GET / HTTP/1.1\r\nHost: web-1\r\n\r\n'));
  await until('they are refused', () => (rig.gateway.counters.workloads.get(greedy.key)!.refused.get('hold-queue-full') ?? 0) >= 2);
  t.true(rig.gateway.counters.holdBudget.usedBytes <= rig.gateway.counters.holdBudget.bytes);
  t.is(rig.gateway.counters.workloads.get(quiet.key)!.held, 1);
});

test.serial('a TCP connection that has to give way is reset', async (t) => {
  const rig = await startSharedRig([{ holdTimeoutMs: 60_000 }, { holdTimeoutMs: 60_000 }], { holdSlots: 2 });
  t.teardown(rig.stop);
  const [database, other] = rig.workloads as readonly [RigWorkload, RigWorkload];
  await database.route({ listeners: [{ address: '127.0.0.1', port: database.port, protocol: 'tcp', target: 'http' }] });
  const ended: (string | undefined)[] = [];
  const sockets: Socket[] = [];
  t.teardown(() => sockets.forEach((socket) => socket.destroy()));
  for (const name of ['older', 'newer']) {
    const socket = connect(database.port, '127.0.0.1').on('error', (error: NodeJS.ErrnoException) => ended.push(`${name} ${error.code ?? ''}`));
    sockets.push(socket);
    await until(`the ${name} is held`, () => heldIn(rig) === sockets.length);
  }
  const client = new Client(other.port, ['/']);
  t.teardown(() => client.end());
  await until('the newer is told', () => ended.length === 1);
  t.deepEqual(ended, ['newer ECONNRESET']);
  t.deepEqual(
    rig.workloads.map(({ key }) => rig.gateway.counters.workloads.get(key)!.held),
    [1, 1],
  );
});
