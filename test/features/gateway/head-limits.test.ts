import test from 'ava';
import { until, web } from '../../support/gateway-rig.ts';
import { closes, readAnswer } from '../../support/raw-message.ts';
import { namesRequest, startScene } from '../../support/scripted-origin.ts';

const start = 'GET / HTTP/1.1\r\nHost: a\r\n';

test('a head of up to 32 KiB is taken, however it comes', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  const long = `${start}X-Long: ${'x'.repeat(31_000)}\r\n\r\n`;
  await client.send(long);
  t.is((await readAnswer(client)).status, 200);
  await client.sendApart(long.match(/[^]{1,500}/g) ?? []);
  t.is((await readAnswer(client)).status, 200);
  await client.send(`${start}${'X: 1\r\n'.repeat(5000)}\r\n`);
  t.is((await readAnswer(client)).status, 200);
  t.deepEqual(
    origin.requests.map(({ fields }) => fields.filter(([name]) => name.startsWith('X')).length - 3),
    [1, 1, 5000],
  );
});

const tooLong: Readonly<Record<string, string>> = {
  'one long field': `${start}X: ${'x'.repeat(40_000)}\r\n\r\n`,
  'one long field that does not end': `${start}X: ${'x'.repeat(40_000)}`,
  'one long name': `${start}${'x'.repeat(40_000)}`,
  'many fields': `${start}${'X: 1\r\n'.repeat(7000)}\r\n`,
  'many fields without an end': `${start}${'X: 1\r\n'.repeat(7000)}`,
};
for (const [what, head] of Object.entries(tooLong))
  for (const pieces of [1000, head.length])
    test(`a head of more than 32 KiB is refused with 431 and the connection ends: ${what}, in pieces of ${pieces}`, async (t) => {
      const { origin, dial } = await startScene(t, namesRequest);
      const client = await dial();
      await client.sendApart(head.match(new RegExp(`[^]{1,${pieces}}`, 'g')) ?? []);
      const got = await readAnswer(client);
      t.is(got.status, 431);
      t.true(closes(got));
      t.is(await client.rest(), '');
      t.is(origin.received(), '');
    });

test('a target of more than 32 KiB is refused with 414 or 431', async (t) => {
  const { origin, dial } = await startScene(t, namesRequest);
  const client = await dial();
  await client.send(`GET /${'a'.repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const got = await readAnswer(client);
  t.true([414, 431].includes(got.status), String(got.status));
  t.true(closes(got));
  t.is(await client.rest(), '');
  t.is(origin.received(), '');
});

test('each request of a connection has 32 KiB for its head', async (t) => {
  const { dial } = await startScene(t, namesRequest);
  const client = await dial();
  const head = `${start}X: ${'x'.repeat(20_000)}\r\n\r\n`;
  await client.send(head.repeat(5));
  for (let count = 0; count < 5; count += 1) t.is((await readAnswer(client)).status, 200);
});

test('a head that is not complete within 10 s is refused with 408, also behind another request and when a byte comes now and then; a body may take longer', async (t) => {
  const { origin, rig, dial } = await startScene(t, namesRequest);
  const [silent, second, slow] = [await dial(), await dial(), await dial()];
  await second.send(`${start}\r\n`);
  t.is((await readAnswer(second)).status, 200);
  const body = await dial();
  const startedAt = performance.now();
  // Told by a timer as the gateway has one: a machine that stands still for seconds holds up both.
  let seconds = 0;
  const counting = setInterval(() => (seconds += 1), 1000);
  t.teardown(() => clearInterval(counting));
  await body.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx');
  for (const client of [silent, second, slow]) await client.send(start);
  const trickle = setInterval(() => void slow.send('X'), 500);
  t.teardown(() => clearInterval(trickle));
  for (const client of [silent, second, slow]) {
    const got = await readAnswer(client);
    t.is(got.status, 408);
    t.true(closes(got));
    t.is(await client.rest(), '');
    client.finish();
  }
  clearInterval(trickle);
  const took = performance.now() - startedAt;
  t.true(took > 9000 && seconds < 14, `${Math.round(took)} ms, ${seconds} seconds`);
  await body.send('x');
  t.is((await readAnswer(body)).status, 200);
  body.finish();
  t.deepEqual(
    origin.requests.map((request) => request.body),
    ['', 'xx'],
  );
  t.is(rig.gateway.counters.workloads.get(web)?.requests.get(200), 2);
  await until('all connections have ended', () => rig.gateway.counters.connections === 0);
});
