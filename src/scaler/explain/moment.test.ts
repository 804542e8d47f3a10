import test from 'ava';
import { instant } from '../../core/index.ts';
import { parseMoment } from './moment.ts';

const now = instant(Date.UTC(2026, 0, 5, 12));
const reads = test.macro((t, text: string, want: number | undefined) => {
  t.is(parseMoment(text, now), want === undefined ? undefined : instant(want));
});

test('RFC 3339 in UTC', reads, '2026-01-05T11:59:30Z', now - 30_000);
test('RFC 3339 with an offset and a fraction', reads, '2026-01-05T12:59:59.250+01:00', now - 750);
test('so long ago', reads, '5m ago', now - 300_000);
test('so long ago, in short', reads, '1h30m', now - 5_400_000);
test('a time without a zone is none', reads, '2026-01-05T12:00:00', undefined);
test('an hour that there is not is none', reads, '2026-01-04T25:00:00Z', undefined);
test('a day that there is not is none', reads, '2025-02-29T12:00:00Z', undefined);
test('the last day of a leap year’s February is one', reads, '2024-02-29T12:00:00Z', Date.UTC(2024, 1, 29, 12));
test('a time to come is none', reads, '2026-01-05T12:00:01Z', undefined);
test('the future by a duration is none', reads, '-5m', undefined);
test('other words are none', reads, 'yesterday', undefined);
