import { createServer, type AddressInfo, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { until } from '../../../test/support/until.ts';
import { instant, ManualClock, millis, systemClock, type Clock } from '../../core/index.ts';
import { connectWithinMs } from './limits.ts';
import { nowhere } from './message-body.ts';
import { PodConnection, type AnswerListener } from './pod-connection.ts';

/** A request, and what became of it. */
class Asked implements AnswerListener {
  readonly heard: string[] = [];
  readonly answerTo = nowhere;
  readonly #connection: PodConnection;
  readonly #text: string;

  constructor(connection: PodConnection, text: string) {
    this.#connection = connection;
    this.#text = text;
    connection.begin(this, false);
  }

  connected(): void {
    this.#connection.out.text(this.#text);
    this.#connection.out.flush();
  }

  unreachable(problem: string): void {
    this.heard.push(`unreachable: ${problem}`);
  }

  interim(): void {
    this.heard.push('interim');
  }

  answered({ status }: { readonly status: number }): 'plain' {
    this.heard.push(`${status}`);
    return 'plain';
  }

  switched(): void {
    this.heard.push('switched');
  }

  arrived(): boolean {
    return true;
  }

  ended(): void {
    this.heard.push('ended');
  }

  brokeOff(problem: string, silent: boolean): void {
    this.heard.push(`${silent ? 'silent: ' : ''}${problem}`);
  }

  drained(): void {
    // Nothing waits.
  }
}

/** A connection, the pod's end of it, and a count of the times when it was idle. */
const startConnection = async (t: ExecutionContext, onIdle: (connection: PodConnection) => void, clock: Clock = systemClock) => {
  let received = '';
  let accepted: Socket | undefined;
  const server = createServer({ noDelay: true }, (socket) => {
    accepted = socket;
    socket.on('data', (chunk) => (received += chunk.toString('latin1'))).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // What is made now is heard of in the next turn.
  await turn();
  const pool = { clock, idle: onIdle, gone: () => undefined, closedAfter: () => undefined };
  const connection = new PodConnection(pool, '127.0.0.1', (server.address() as AddressInfo).port, false);
  t.teardown(() => {
    connection.close();
    accepted?.destroy();
    server.close();
  });
  return { connection, received: () => received, pod: () => until('accepted', () => accepted) };
};

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const answer = 'HTTP/1.1 204 No Content\r\n\r\n';

test('what a pod says before a request is written is no answer to it, and the request is still there', async (t) => {
  let idle = 0;
  const { connection, received, pod } = await startConnection(t, () => (idle += 1));
  const first = new Asked(connection, request);
  connection.requestSent();
  await until('the pod was asked', () => received() === request);
  (await pod()).write(answer);
  await until('idle', () => idle === 1);
  t.deepEqual(first.heard, ['204', 'ended']);

  // What is said behind the tasks of this turn is read before those of the next are run.
  await turn();
  (await pod()).write(answer);
  const second = new Asked(connection, request);
  connection.requestSent();
  await until('it is over', () => second.heard.length > 0);
  t.deepEqual(second.heard, ['silent: the pod spoke before it was asked']);
  t.is(connection.out.takeText(), request);
  t.is(received(), request);
});

test('a connection that is idle owes its pod nothing of the last request, though the pod answered before it had come whole', async (t) => {
  const owed: string[] = [];
  const { connection, received, pod } = await startConnection(t, ({ out }) => owed.push(out.takeText()));
  const asked = new Asked(connection, 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n');
  await until('the pod was asked', () => received().endsWith('\r\n\r\n'));

  await turn();
  (await pod()).write(answer);
  connection.out.text('hello');
  connection.requestSent();
  connection.out.flush();
  await until('answered', () => owed.length > 0);
  t.deepEqual(asked.heard, ['204', 'ended']);
  t.deepEqual(owed, ['']);
  await until('the pod has it whole', () => received().endsWith('hello'));
});

test('a connection that was made while the gateway stood still is used, however late that is seen', async (t) => {
  const clock = new ManualClock(instant(0));
  const { connection, received } = await startConnection(t, () => undefined, clock);
  const asked = new Asked(connection, request);
  // Its time is over before anything could be heard of it.
  void clock.advance(millis(connectWithinMs));
  await until('something has become of it', () => received() !== '' || asked.heard.length > 0);
  t.deepEqual([received(), asked.heard], [request, []]);
});
