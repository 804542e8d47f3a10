import { createServer, connect, type AddressInfo } from 'node:net';
import test from 'ava';
import { instant, ManualClock, millis, systemClock } from '../core/index.ts';
import { until } from '../../test/support/gateway-rig.ts';
import { podDeadline } from './pod-deadline.ts';

test('time is over once, at the end of the turn in which it runs out', async (t) => {
  const clock = new ManualClock(instant(0));
  let times = 0;
  podDeadline(clock, 1000, () => (times += 1));
  await clock.advance(millis(999));
  t.is(times, 0);
  await clock.advance(millis(1));
  await until('it is over', () => times === 1);
  await clock.advance(millis(5000));
  t.is(times, 1);
});

test('a pod that is heard in the turn in which its time runs out has kept it', async (t) => {
  let said = false;
  const server = createServer((pod) => void pod.on('error', () => undefined).write('here', () => (said = true))).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await until('listening', () => server.listening);
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  t.teardown(() => socket.destroy());
  await until('it has said so', () => said);
  const heard: string[] = [];
  // From here timers come first in the loop, and sockets behind them.
  await new Promise<void>((resolve) => {
    setImmediate(() => {
      const deadline = podDeadline(systemClock, 10, () => {
        heard.push('late');
        resolve();
      });
      socket.on('data', (data) => {
        deadline.cancel();
        heard.push(String(data));
        resolve();
      });
      socket.resume();
      // The gateway stands still for longer than the time that the pod has.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100);
    });
  });
  t.deepEqual(heard, ['here']);
});
