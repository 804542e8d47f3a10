import test from 'ava';
import { instant, ManualClock, type Report, type WorkloadReport } from '../core/index.ts';
import { figures, startController, startGateway } from '../../test/support/link-rig.ts';
import { until } from '../../test/support/until.ts';
import { ReportHistory } from './history.ts';
import { ReportStream } from './report-stream.ts';

const mebibyte = 1024 * 1024;
/** One workload whose report takes about a mebibyte as text. */
const large = (requestCount: number): WorkloadReport => ({
  ...figures(requestCount),
  inFlightByPod: Object.fromEntries(Array.from({ length: 4300 }, (_, pod) => [String(pod).padStart(240, '-'), 1])),
});
/** What came, in its order: the numbers of reports, and pokes. */
const recording = (heard: (number | 'poke')[], onReport: (report: Report) => void = () => undefined) => ({
  listener: {
    report: (_gateway: unknown, report: Report) => {
      heard.push(report.sequence);
      onReport(report);
    },
    poke: () => void heard.push('poke'),
    firstByte: () => undefined,
    joined: () => undefined,
    gone: () => undefined,
  },
});

test('a history of more than the link may have unsent arrives in order over one connection; what happens meanwhile comes at once or behind it', async (t) => {
  const absent = await startController();
  const { port } = new URL(absent.url);
  await absent.stop();
  const gateway = startGateway([absent.url], { onUp: () => gateway.client.poke({ workload: figures(1).workload, held: 1, oldestHeldMs: 0 }) });
  t.teardown(() => gateway.stop());
  const missed = 40;
  for (let count = 1; count <= missed; count += 1) gateway.client.report([large(count)], 1000);
  const heard: (number | 'poke')[] = [];
  let links = 0;
  const { listener } = recording(heard, ({ sequence }) => {
    if (sequence !== 3) return;
    gateway.client.report([figures(missed + 1)], 1000);
    gateway.client.poke({ workload: figures(1).workload, held: 2, oldestHeldMs: 0 });
  });
  const controller = await startController({ listener: { ...listener, joined: () => (links += 1) } }, Number(port));
  t.teardown(() => controller.stop());
  await until('everything is there', () => heard.includes(missed + 1));
  t.deepEqual(
    heard.filter((word) => word !== 'poke'),
    Array.from({ length: missed + 1 }, (_, index) => index + 1),
  );
  t.is(links, 1, 'the link is not cut for it');
  t.is(heard.indexOf('poke'), 0, 'who waits when the link comes up is told of first');
  t.true(heard.lastIndexOf('poke') < missed, 'a poke during the replay does not wait for its end');
  gateway.client.report([figures(missed + 2)], 1000);
  await until('live again', () => heard.at(-1) === missed + 2);
  t.is(links, 1);
});

test('no more than a part of the history is made into messages before the socket has taken what came before it', (t) => {
  const clock = new ManualClock(instant(0));
  const history = new ReportHistory(clock, 600_000, 64 * mebibyte);
  for (let count = 1; count <= 100; count += 1) history.add([{ ...figures(count), inFlightByPod: { ['p'.repeat(10_000)]: 1 } }], 1000);
  const sent: number[] = [];
  const unwritten: { readonly length: number; readonly written: () => void }[] = [];
  const stream = new ReportStream(
    history,
    clock,
    {
      sendText: (text, written = () => undefined) => {
        sent.push((JSON.parse(text) as { report: Report }).report.sequence);
        unwritten.push({ length: text.length, written });
      },
    },
    20,
  );
  let most = 0;
  const look = (): void => {
    most = Math.max(
      most,
      unwritten.reduce((sum, { length }) => sum + length, 0),
    );
  };
  stream.flow();
  look();
  history.add([figures(101)], 1000);
  stream.flow();
  look();
  t.true(sent.length > 1 && sent.length < 40, `${sent.length} went before anything was written`);
  for (let next = unwritten.shift(); next !== undefined; next = unwritten.shift()) {
    next.written();
    look();
  }
  t.true(most < 0.3 * mebibyte, `${most} characters waited`);
  t.deepEqual(
    sent,
    Array.from({ length: 81 }, (_, index) => 21 + index),
  );
});
