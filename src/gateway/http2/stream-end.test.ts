import test from 'ava';
import { endOf, type ClosedStream, type StreamEnd } from './stream-end.ts';

const closed: ClosedStream = {
  answer: 'no',
  code: 0,
  unsent: false,
  lost: false,
  ending: false,
  used: true,
  attempt: 1,
  unread: true,
  replayable: false,
};
const meaning = test.macro({
  exec: (t, stream: Partial<ClosedStream>, end: StreamEnd) => t.deepEqual(endOf({ ...closed, ...stream }), end),
  title: (title) => title ?? '',
});

test('a whole answer is whole, whatever the code', meaning, { answer: 'whole', code: 8, lost: true }, 'whole');
test('half an answer: the code of the pod', meaning, { answer: 'begun', code: 11 }, { reset: 11 });
test('half an answer, refused: too late to send it again', meaning, { answer: 'begun', code: 7 }, { reset: 7 });
test('half an answer, and the connection is lost', meaning, { answer: 'begun', code: 8, lost: true, ending: true }, 'broken');
test('half an answer, and a code that says that all is well', meaning, { answer: 'begun' }, 'broken');
test('no answer: the code of the pod', meaning, { code: 2 }, { reset: 2 });
test('no answer, and a code that says that all is well', meaning, {}, 'broken');
test('no answer, and the connection is lost', meaning, { code: 8, lost: true, ending: true }, 'broken');
test('refused: once more', meaning, { code: 7 }, 'again');
test('refused three times: given back', meaning, { code: 7, attempt: 3 }, { reset: 7 });
test('refused by an ending connection: more often', meaning, { code: 7, attempt: 3, ending: true }, 'again');
test('refused by ending connections without end: given back', meaning, { code: 7, attempt: 20, ending: true }, { reset: 7 });
test('refused, but some of the body is gone: given back', meaning, { code: 7, unread: false }, { reset: 7 });
test('never sent: once more', meaning, { code: 2, unsent: true, ending: true }, 'again');
test('never sent, but some of the body is gone', meaning, { code: 2, unsent: true, unread: false }, 'broken');
test('lost while it may arrive twice: once more', meaning, { code: 8, lost: true, ending: true, replayable: true }, 'again');
test('lost on a fresh connection: the pod has died of it', meaning, { code: 8, lost: true, ending: true, replayable: true, used: false }, 'broken');
test('lost twice', meaning, { code: 8, lost: true, ending: true, replayable: true, attempt: 2 }, 'broken');
