import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'ava';
import { instant, ManualClock, millis, nextTurn, systemClock } from '../../../core/index.ts';
import { NodeUsage, treeOf, type MeasuredContainer } from './node-usage.ts';
import { parsePsTime, parseStat, processTable, type ProcessFigures, type ProcessTable } from './process-table.ts';

const figures = (pid: number, changed: Partial<ProcessFigures> = {}): ProcessFigures => ({ pid, parent: 1, group: pid, session: pid, cpuMs: 0, ...changed });

test('what a container began is its group, its session, and their children wherever they went', (t) => {
  const table = [
    figures(1, { parent: 0 }),
    figures(10),
    figures(11, { parent: 10, group: 10, session: 10 }),
    figures(12, { parent: 1, group: 12, session: 10 }),
    figures(13, { parent: 11 }),
    figures(20),
  ];
  const pids = treeOf(10, table).map(({ pid }) => pid);
  t.deepEqual(pids.sort(), [10, 11, 12, 13]);
  t.deepEqual(treeOf(99, table), []);
});

test('proc_pid_stat is read whatever the program is called', (t) => {
  const rest = 'S 7 42 42 0 -1 4194560 100 0 0 0 150 50 20 5 20 0 1 0 12345 1000000 2000';
  t.deepEqual(parseStat(`42 (a) b (c) ${rest}`), { pid: 42, parent: 7, group: 42, session: 42, cpuMs: 2250 });
  t.is(parseStat(''), undefined);
  t.is(parseStat('42 (a'), undefined);
});

test('times of ps are read in all their forms', (t) => {
  t.is(parsePsTime('00:00:01'), 1000);
  t.is(parsePsTime('0:01.50'), 1500);
  t.is(parsePsTime('2-01:00:00'), 49 * 3_600_000);
});

/** A machine with one container, that is told what it has used. */
const scene = (containers: MeasuredContainer[]) => {
  const clock = new ManualClock(instant(1_700_000_000_000));
  const cpu = new Map<number, number>();
  let asked = 0;
  const table: ProcessTable = {
    processes: () => {
      asked += 1;
      return Promise.resolve([...cpu].map(([pid, cpuMs]) => figures(pid, { cpuMs })));
    },
    memory: (pids) => Promise.resolve(pids.length * 1000),
  };
  return { clock, cpu, usage: new NodeUsage(clock, table, () => containers), asked: () => asked };
};

test('cpu is what was used since the question before; the first one takes a second of its own', async (t) => {
  const { clock, cpu, usage, asked } = scene([{ podUid: 'u', name: 'app', pid: 10, since: -60_000 }]);
  cpu.set(10, 30_000);
  const first = usage.measure();
  const same = usage.measure();
  await nextTurn();
  await clock.advance(millis(10));
  cpu.set(10, 30_500);
  await clock.advance(millis(990));
  t.deepEqual(await first, [{ podUid: 'u', measuredAt: 1_700_000_001_000, windowMs: 1000, containers: [{ name: 'app', cpu: 0.5, memory: 1000 }] }]);
  t.is(await same, await first);
  t.is(await usage.measure(), await first, 'within a second nothing new is measured');
  t.is(asked(), 2);
  await clock.advance(millis(4000));
  cpu.set(10, 31_500);
  t.like((await usage.measure())[0], { windowMs: 4000, containers: [{ name: 'app', cpu: 0.25 }] });
});

test('a question while the first one takes its second waits for the same answer: what was used since the start is not what is used now', async (t) => {
  const { clock, cpu, usage } = scene([{ podUid: 'u', name: 'app', pid: 10, since: -60_000 }]);
  cpu.set(10, 30_000);
  const first = usage.measure();
  await nextTurn();
  await clock.advance(millis(500));
  const second = usage.measure();
  cpu.set(10, 30_250);
  await clock.advance(millis(500));
  t.like((await second)[0], { windowMs: 1000, containers: [{ cpu: 0.25 }] });
  t.is(await first, await second);
});

test('a container that began since is measured from its start; one that is gone is left out', async (t) => {
  const containers: MeasuredContainer[] = [{ podUid: 'u', name: 'app', pid: 10, since: 0 }];
  const { clock, cpu, usage } = scene(containers);
  cpu.set(10, 100);
  const first = usage.measure();
  await nextTurn();
  await clock.advance(millis(1000));
  await first;
  await clock.advance(millis(2000));
  containers[0] = { podUid: 'v', name: 'app', pid: 11, since: clock.monotonic() - 500 };
  cpu.set(11, 250);
  t.like(await usage.measure(), [{ podUid: 'v', windowMs: 500, containers: [{ cpu: 0.5 }] }]);
  cpu.delete(11);
  await clock.advance(millis(2000));
  t.deepEqual(await usage.measure(), []);
});

if (process.platform !== 'win32')
  test('a real process that burns is seen to, with its memory', async (t) => {
    const child = spawn(process.execPath, ['-e', `fs.writeSync(1, 'up');for (;;);`], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    t.teardown(() => child.kill('SIGKILL'));
    // Until it runs its program it has next to no memory.
    await once(child.stdout, 'data');
    const pid = child.pid ?? 0;
    const tables = process.platform === 'linux' ? [processTable('linux'), processTable('darwin')] : [processTable(process.platform)];
    for (const table of tables) {
      const began = treeOf(pid, await table.processes());
      t.deepEqual(
        began.map((each) => each.pid),
        [pid],
      );
      t.true((await table.memory([pid])) > 5_000_000);
    }
    const cpu = async (): Promise<number> => treeOf(pid, await processTable(process.platform).processes())[0]?.cpuMs ?? 0;
    const before = await cpu();
    const deadline = systemClock.monotonic() + 20_000;
    while ((await cpu()) <= before && systemClock.monotonic() < deadline) await systemClock.sleep(millis(20), new AbortController().signal);
    t.true((await cpu()) > before);
  });
