import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { podAt, until } from '../support/gateway-rig.ts';
import { startProgram, type RunningProgram } from '../support/real-program.ts';
import { startTcpRig } from '../support/tcp-rig.ts';

/** socat (and cat) as the clients of protocols that know no length: what ends a message is the end of one direction of the connection. */

const socat = (t: ExecutionContext, port: number, stdin: string | Buffer | null = ''): RunningProgram =>
  startProgram(t, 'socat', ['-t', '20', '-', `TCP:127.0.0.1:${port}`], { stdin });

const startPod = async (t: ExecutionContext, serve: (socket: Socket) => void): Promise<number> => {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
};

const digestOf = (data: Buffer): string => createHash('sha256').update(data).digest('hex');

test('what socat sends to a workload at zero, 10 MB and then the end of its own direction, is answered afterwards', async (t) => {
  const rig = await startTcpRig(t);
  const sent = randomBytes(10_000_000);
  const client = socat(t, rig.port, sent);
  const serve = (socket: Socket): void => {
    const hash = createHash('sha256');
    socket.on('data', (chunk: Buffer) => hash.update(chunk));
    socket.on('end', () => socket.end(hash.digest('hex')));
  };
  await rig.wakeWith(() => startPod(t, serve));
  const { code, text, errors } = await client.ended;
  t.deepEqual([code, text, errors], [0, digestOf(sent), '']);
  t.is(await rig.allEnded(), 1);
});

test('an echo of 10 MB comes back whole', async (t) => {
  const rig = await startTcpRig(t, { pods: [podAt(await startPod(t, (socket) => socket.pipe(socket)))] });
  const sent = randomBytes(10_000_000);
  const { code, output } = await socat(t, rig.port, sent).ended;
  t.is(code, 0);
  t.true(output.equals(sent));
  t.is(await rig.allEnded(), 1);
});

test('a pod that has said all that it will still gets what socat says after that', async (t) => {
  let heard = '';
  const serve = (socket: Socket): void => {
    socket.end('welcome, and no more\n');
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  };
  const rig = await startTcpRig(t, { pods: [podAt(await startPod(t, serve))] });
  const client = socat(t, rig.port, null);
  await until('welcomed', () => client.text() === 'welcome, and no more\n');
  client.child.stdin.end('thanks\n');
  t.is((await client.ended).code, 0);
  t.is(await rig.allEnded(), 1);
  await until('the pod has heard it', () => heard === 'thanks\n');
});

test('cat fails, instead of taking half a file for the whole, when the pod breaks off', async (t) => {
  let broken: Socket | undefined;
  const serve = (socket: Socket): void => void (broken = socket).write('the first half\n');
  const rig = await startTcpRig(t, { pods: [podAt(await startPod(t, serve))] });
  const client = startProgram(t, 'bash', ['-c', `cat < /dev/tcp/127.0.0.1/${rig.port}`]);
  await until('half has come', () => client.text() === 'the first half\n');
  broken?.resetAndDestroy();
  const { code, errors } = await client.ended;
  t.is(code, 1);
  t.regex(errors, /Connection reset by peer/);
  t.is(await rig.allEnded(), 1);
});

test('fifty connections at once to a workload at zero, ten at a time: every one is answered, and never more than ten are in the pod', async (t) => {
  const rig = await startTcpRig(t, { containerConcurrency: 10, holdTimeoutMs: 60_000 });
  const clients = Array.from({ length: 50 }, (_, index) => socat(t, rig.port, `client ${index}`));
  await until('all are held', () => rig.counters.held === 50);
  let most = 0;
  const inPod = new Set<Socket>();
  const answer = (socket: Socket): void => {
    socket.on('data', (chunk: Buffer) => socket.write(chunk));
    socket.on('end', () => {
      inPod.delete(socket);
      socket.end();
    });
  };
  // Answers ten together, so that it would wait for ever for a tenth that is not let in.
  const serve = (socket: Socket): void => {
    inPod.add(socket);
    most = Math.max(most, inPod.size);
    unanswered.push(socket);
    if (unanswered.length === 10) unanswered.splice(0).forEach(answer);
  };
  const unanswered: Socket[] = [];
  await rig.wakeWith(() => startPod(t, serve));
  const answers = await Promise.all(clients.map(({ ended }) => ended));
  t.deepEqual(
    answers.map(({ text }) => text),
    answers.map((_, index) => `client ${index}`),
  );
  t.is(most, 10);
  t.is(await rig.allEnded(), 50);
});
