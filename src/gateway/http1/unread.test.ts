import test from 'ava';
import fc from 'fast-check';
import { Unread } from './unread.ts';

const step = fc.oneof(
  fc.record({ does: fc.constant('add' as const), bytes: fc.integer({ min: 1, max: 20 }), isLent: fc.boolean() }),
  fc.record({ does: fc.constant('read' as const), bytes: fc.integer({ min: 1, max: 30 }) }),
  fc.record({ does: fc.constantFrom('drop' as const, 'take' as const) }),
);

test('what is left is what was added and not read, in order, also where the memory that it came in is written over after it was kept', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const unread = new Unread();
      let left = '';
      let added = 0;
      for (const each of steps) {
        if (each.does === 'add') {
          const text = Array.from({ length: each.bytes }, () => String.fromCharCode(97 + (added++ % 26))).join('');
          const memory = Buffer.from(text);
          unread.add(memory, each.isLent);
          left += text;
          if (each.isLent) {
            unread.keep();
            memory.fill('!');
          }
        } else if (each.does === 'read') {
          const bytes = Math.min(each.bytes, unread.bytes);
          unread.readTo(unread.at + bytes);
          left = left.slice(bytes);
        } else if (each.does === 'take') {
          t.is(unread.take().toString(), left);
          left = '';
        } else {
          unread.drop();
          left = '';
        }
        t.is(unread.bytes, left.length);
        t.is(unread.chunk?.toString('latin1', unread.at) ?? '', left);
      }
    }),
  );
});

test('memory that is lent is not copied where all of it is read before it is kept, and what is given away is', (t) => {
  const unread = new Unread();
  const memory = Buffer.from('lent');
  unread.add(memory, true);
  t.is(unread.chunk, memory);
  unread.readTo(4);
  unread.keep();
  t.is(unread.chunk, undefined);
  unread.add(memory, true);
  const taken = unread.take();
  memory.fill('!');
  t.is(taken.toString(), 'lent');
});
