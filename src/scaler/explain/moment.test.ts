import test from 'ava';
import { instant } from '../../core/index.ts';
import { parseMoment } from './moment.ts';

const now = instant(Date.UTC(2026, 0, 5, 12));
const reads = test.macro((t, text: string, want: number | undefined) => {
  t.is(parseMoment(text, now), want === undefined ? undefined : instant(want));
});

test('RFC 3339 in UTC', reads, '2026-01-05T11:59:30Z', now - 30_000);
test('RFC 3339 with an offset and a fraction', reads, '2026-01-05T13:00:00.250+01:00', now + 250);
test('so long ago', reads, '5m ago', now - 300_000);
test('so long ago, in short', reads, '1h30m', now - 5_400_000);
test('a time without a zone is none', reads, '2026-01-05T12:00:00', undefined);
test('a day that there is not is none', reads, '2026-02-31T25:00:00Z', undefined);
test('the future by a duration is none', reads, '-5m', undefined);
test('other words are none', reads, 'yesterday', undefined);
