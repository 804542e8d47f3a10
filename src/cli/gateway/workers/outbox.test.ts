import test from 'ava';
import { Outbox } from './outbox.ts';

test('one message is on its way at a time, in their order, and it is told when all are written', async (t) => {
  const posted: number[] = [];
  const written: (() => void)[] = [];
  const outbox = new Outbox<number>((message, _handle, sent) => {
    posted.push(message);
    written.push(sent);
  });
  await outbox.empty();
  for (const message of [1, 2, 3]) outbox.send(message);
  t.deepEqual(posted, [1]);
  let empty = false;
  const emptied = outbox.empty().then(() => (empty = true));
  written[0]?.();
  t.deepEqual(posted, [1, 2]);
  outbox.send(4);
  written[1]?.();
  written[2]?.();
  await Promise.resolve();
  t.deepEqual([posted, empty], [[1, 2, 3, 4], false]);
  written[3]?.();
  await emptied;
});
