import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { connectionsTaken, createPostgres, psql, startPsql, type Postgres } from '../support/postgres.ts';
import { podAt, until } from '../support/gateway-rig.ts';
import { runProgram, type ProgramResult } from '../support/real-program.ts';
import { startTcpRig } from '../support/tcp-rig.ts';
import { until as untilAsync } from '../support/until.ts';

/** PostgreSQL behind a TCP port of the gateway. One server at a time: they share the data. */

let postgres: Postgres;
test.before(async () => {
  postgres = await createPostgres();
});
test.after.always(() => postgres.remove());

/** Waits until one session waits in such a way. */
const untilWaiting = (t: ExecutionContext, port: number, how: string): Promise<unknown> =>
  untilAsync(how, async () => (await psql(t, port, `select count(*) from pg_stat_activity where ${how}`)) === '1\n');

test.serial('psql at zero waits for the server that it wakes, and its session is one request in flight even while nothing is said', async (t) => {
  const rig = await startTcpRig(t);
  const session = startPsql(t, rig.port, [], { stdin: null });
  const asks = async (statement: string, answer: string): Promise<void> => {
    session.child.stdin.write(`${statement}\n`);
    await until(`${statement} is answered`, () => session.text().endsWith(answer));
  };
  await until('held', () => rig.counters.held === 1);
  t.is(rig.pokes[0]?.held, 1);
  await rig.wakeWith(async () => (await postgres.start(t)).port);
  await asks("select 'awake';", 'awake\n');
  t.is(rig.firstBytes.length, 1);
  t.is(rig.counters.inFlight, 1);
  const seen = rig.reports.length;
  await until('a silent second is reported', () =>
    rig.reports.slice(seen).some(({ averageConcurrency, requestCount, inFlight }) => averageConcurrency > 0.99 && requestCount === 0 && inFlight === 1),
  );
  await asks('create table job (id int primary key, what text);', 'awake\n');
  await asks("insert into job select i, 'job ' || i from generate_series(1, 1000) i; select count(*), sum(id) from job;", '1000|500500\n');
  session.child.stdin.end('drop table job;\n');
  const { code, errors } = await session.ended;
  t.deepEqual([code, errors], [0, '']);
  await until('ended', () => rig.counters.inFlight === 0);
  t.deepEqual([...rig.counters.requests], [[0, 1]]);
});

test.serial('results and COPY of megabytes come through unchanged, both ways', async (t) => {
  const { port } = await postgres.start(t);
  const rig = await startTcpRig(t, { pods: [podAt(port)] });
  const rows = Array.from({ length: 60_000 }, (_, index) => `${index}\t${createHash('sha256').update(String(index)).digest('base64').repeat(3)}\n`).join('');
  t.true(rows.length > 8_000_000);
  await psql(t, rig.port, 'create table big (id int, body text)');
  await psql(t, rig.port, 'copy big from stdin', { stdin: rows });
  t.true((await psql(t, rig.port, 'copy (select * from big order by id) to stdout')) === rows, 'COPY gives back what it took');
  const answer = await psql(t, rig.port, "select repeat(md5(i::text), 20) from generate_series(1, 20000) i union all select 'end'");
  const expected = Array.from(
    { length: 20_000 },
    (_, index) =>
      `${createHash('md5')
        .update(String(index + 1))
        .digest('hex')
        .repeat(20)}\n`,
  ).join('');
  t.true(answer === `${expected}end\n`, 'a result of 13 MB');
  await psql(t, rig.port, 'drop table big');
  t.is(await rig.allEnded(), 5);
});

test.serial('two sessions at once: one waits for the lock of the other, and hears its notification', async (t) => {
  const { port } = await postgres.start(t);
  const rig = await startTcpRig(t, { pods: [podAt(port)] });
  await psql(t, rig.port, 'create table account (balance int); insert into account values (10)');
  const [first, second] = [startPsql(t, rig.port, [], { stdin: null }), startPsql(t, rig.port, [], { stdin: null })];
  second.child.stdin.write("listen paid; select 'listening';\n");
  first.child.stdin.write("begin; update account set balance = balance - 3; notify paid, '3 of 10'; select 'taken';\n");
  await until('both are at it', () => first.text() === 'taken\n' && second.text() === 'listening\n');
  await until('the one before has left', () => rig.counters.inFlight === 2);
  second.child.stdin.write('update account set balance = balance * 2; select balance from account;\n');
  await untilWaiting(t, rig.port, "wait_event_type = 'Lock'");
  t.is(second.text(), 'listening\n');
  first.child.stdin.end('commit;\n');
  t.is((await first.ended).code, 0);
  await until('the second goes on', () => second.text().includes('14\n'));
  await until('the first has left', () => rig.counters.inFlight === 1);
  second.child.stdin.end('drop table account;\n');
  const { text } = await second.ended;
  t.regex(text, /Asynchronous notification "paid" with payload "3 of 10" received/);
  await rig.allEnded();
});

test.serial('^C in psql cancels its statement: the request to cancel goes over a connection of its own', async (t) => {
  const { port } = await postgres.start(t);
  const rig = await startTcpRig(t, { pods: [podAt(port)] });
  const sleeping = startPsql(t, rig.port, ['-c', 'select pg_sleep(60)']);
  await untilWaiting(t, rig.port, "wait_event = 'PgSleep'");
  const before = [...rig.counters.requests.values()].reduce((sum, count) => sum + count, 0);
  sleeping.child.kill('SIGINT');
  const { code, errors } = await sleeping.ended;
  t.is(code, 1);
  t.regex(errors, /canceling statement due to user request/);
  t.is(await rig.allEnded(), before + 1);
});

test.serial('psql is told at once that the wake has failed; the next one finds the server', async (t) => {
  const rig = await startTcpRig(t);
  const waiting = startPsql(t, rig.port, ['-c', 'select 1']);
  await until('held', () => rig.counters.held === 1);
  await rig.route({ wakeFailure: { reason: 'image-pull', message: 'ErrImagePull' } });
  const failed = [await waiting.ended, await startPsql(t, rig.port, ['-c', 'select 1']).ended];
  for (const { code, errors } of failed) {
    t.is(code, 2);
    t.regex(errors, /Connection reset by peer|server closed the connection unexpectedly/);
  }
  t.is(rig.counters.refused.get('wake-failed'), 2);
  t.true(rig.pokes.length >= 2, 'each of them asks for another try');
  await rig.route({ wakeFailure: undefined });
  const third = psql(t, rig.port, "select 'here'");
  await rig.wakeWith(async () => (await postgres.start(t)).port);
  t.is(await third, 'here\n');
  t.is(await rig.allEnded(), 3);
});

test.serial('the last words of a server that shuts down reach psql, and the next session wakes it again', async (t) => {
  const first = await postgres.start(t);
  const rig = await startTcpRig(t, { pods: [podAt(first.port)] });
  const session = startPsql(t, rig.port, ['-c', "select 'begun'", '-c', 'select pg_sleep(60)']);
  await until('begun', () => session.text() === 'begun\n');
  await rig.route({ pods: [podAt(first.port, { state: 'terminating' })] });
  await first.server.stop('SIGINT');
  const { code, errors } = await session.ended;
  t.is(code, 2);
  t.regex(errors, /terminating connection due to administrator command/);
  await rig.route({ pods: [] });
  const next = psql(t, rig.port, "select 'again'");
  await rig.wakeWith(async () => (await postgres.start(t)).port);
  t.is(await next, 'again\n');
  t.is(await rig.allEnded(), 2);
});

test.serial('pgbench with a connection for each transaction: as many connections for the server as requests for the gateway', async (t) => {
  const running = await postgres.start(t);
  const { port } = running;
  const rig = await startTcpRig(t, { pods: [podAt(port)] });
  const bench = (at: number, ...args: readonly string[]): Promise<ProgramResult> =>
    runProgram(t, 'pgbench', [...args, '-h', '127.0.0.1', '-p', String(at), '-U', 'postgres', 'postgres']);
  const set = await bench(port, '-i', '-q');
  t.is(set.code, 0, set.errors);
  const before = await connectionsTaken(t, running);
  const { code, text, errors } = await bench(rig.port, '-n', '-C', '-c', '8', '-j', '2', '-t', '25');
  t.is(code, 0, errors);
  t.regex(text, /number of transactions actually processed: 200\/200/);
  const requests = await rig.allEnded();
  t.true(requests >= 200, String(requests));
  // The one that asked before is between the two.
  t.is((await connectionsTaken(t, running)) - before - 1, requests);
});
