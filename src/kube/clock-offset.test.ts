import test from 'ava';
import { instant, ManualClock, seconds } from '../core/index.ts';
import { clockOffset } from './clock-offset.ts';
import type { KubeConnection } from './connection.ts';

const start = Date.parse('2026-01-01T00:00:00Z');

/** An API server that answers after `takes` seconds with this header `date`. */
const server = (clock: ManualClock, takes: number, date: string | undefined): KubeConnection => {
  const request = async (): Promise<object> => {
    await clock.advance(seconds(takes));
    return { headers: { date }, body: { dump: () => Promise.resolve() } };
  };
  const connection = { server: new URL('https://api.example'), authorize: () => Promise.resolve({ headers: {}, dispatcher: { request } }) };
  return connection as unknown as KubeConnection;
};
const offset = async (takes: number, date: string | undefined): Promise<unknown> => {
  const clock = new ManualClock(instant(start));
  const found = await clockOffset(server(clock, takes, date), clock, new AbortController().signal);
  return found.ok ? found.value : found.problem.message;
};
const dateAt = (second: number): string => new Date(start + second * 1000).toUTCString();

test('clocks are compared as of the middle of the call, however long it takes, and in the middle of the second that the server names', async (t) => {
  t.is(await offset(0, dateAt(0)), -500);
  t.is(await offset(12, dateAt(6)), -500);
  t.is(await offset(2, dateAt(-59)), 59_500);
});

test('a server that does not say what time it is has no offset', async (t) => {
  t.is(await offset(0, undefined), 'the API server does not say what time it is');
  t.is(await offset(0, 'noon'), 'the API server does not say what time it is');
});
