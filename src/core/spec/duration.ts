import { millis, type Millis } from '../units.ts';

const unitMs: Readonly<Record<string, number>> = { ns: 1e-6, us: 1e-3, µs: 1e-3, μs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const whole = /^[+-]?(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/u;
const part = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gu;
const longest = 64;

/** Brings 30.251 × 1000 = 30250.999999999996 back to Go's resolution, the nanosecond. Beyond 10⁹ ms a number holds no more than that anyway. */
const nanosecondExact = (value: number): number => (value < 1e9 ? Math.round(value * 1e6) / 1e6 : value);

/** Reads a duration as Go's `time.ParseDuration` does (`90s`, `1m30s`, `1.5h`, `0`); undefined if `text` is none. Keeps fractions of a millisecond. */
export const parseDuration = (text: string): Millis | undefined => {
  if (text.length > longest) return undefined;
  if (/^[+-]?0$/.test(text)) return millis(0);
  if (!whole.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(part)) total += nanosecondExact(Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN));
  return millis(text.startsWith('-') ? 0 - total : total);
};

/** The shortest Go duration for `duration`: `1m30s`, `250ms`, `1h`, `0s`. `parseDuration` gives the same value back. */
export const printDuration = (duration: Millis): string => {
  if (duration < 0) return `-${printDuration(millis(0 - duration))}`;
  if (duration === 0) return '0s';
  const hours = Math.floor(duration / 3_600_000);
  const minutes = Math.floor((duration % 3_600_000) / 60_000);
  const milliseconds = Math.round((duration % 60_000) * 1e6) / 1e6;
  const rest = milliseconds === 0 ? '' : milliseconds >= 1000 ? `${String(milliseconds / 1000)}s` : `${String(milliseconds)}ms`;
  return `${hours > 0 ? `${String(hours)}h` : ''}${minutes > 0 ? `${String(minutes)}m` : ''}${rest}`;
};
