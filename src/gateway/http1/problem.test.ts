import test from 'ava';
import { gatewayCodes } from '../../core/index.ts';
import { printAnswer, problemAnswer } from './problem.ts';

const date = 'Thu, 01 Jan 2026 00:00:00 GMT';

test('a refusal is a problem of RFC 9457 that names its code, and is not to be stored', (t) => {
  for (const [code, status] of Object.entries(gatewayCodes) as [keyof typeof gatewayCodes, number][]) {
    const answer = problemAnswer({ code, detail: 'why' });
    t.is(answer.status, status);
    t.deepEqual(answer.headers, ['Content-Type', 'application/problem+json', 'Cache-Control', 'no-store']);
    const body = JSON.parse(answer.body) as Record<string, unknown>;
    t.deepEqual({ ...body, title: undefined }, { type: `tag:rouse.dev,2025:${code}`, title: undefined, status, code, detail: 'why' });
    t.is(typeof body.title, 'string');
  }
});

test('a refusal says why and when to come again where that is known, and may have another status than its code', (t) => {
  const answer = problemAnswer({ code: 'wake-failed', detail: 'why', reason: 'QuotaExceeded', retryAfterSeconds: 5 }, 431);
  t.is(answer.status, 431);
  t.like(JSON.parse(answer.body), { status: 431, reason: 'QuotaExceeded', title: 'Request Header Fields Too Large' });
  t.deepEqual(answer.headers.slice(-2), ['Retry-After', '5']);
});

test('an answer is printed with the length of its bytes, the date, and what is said of the connection', (t) => {
  const answer = { status: 503, headers: ['X-A', '1', 'x-b', ''], body: 'Starting …' };
  const head = `HTTP/1.1 503 Service Unavailable\r\nX-A: 1\r\nx-b: \r\nContent-Length: 12\r\nDate: ${date}\r\n`;
  t.is(Buffer.from(printAnswer(answer, date, 'close'), 'latin1').toString(), `${head}Connection: close\r\n\r\nStarting …`);
  t.is(Buffer.from(printAnswer(answer, date, undefined), 'latin1').toString(), `${head}\r\nStarting …`);
  t.is(printAnswer(answer, date, 'keep-alive', true), `${head}Connection: keep-alive\r\n\r\n`);
});

test('a status that nobody has named has an empty phrase', (t) => {
  t.true(printAnswer({ status: 599, headers: [], body: '' }, date, undefined).startsWith('HTTP/1.1 599 \r\n'));
});
