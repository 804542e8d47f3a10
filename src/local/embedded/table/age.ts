const second = 1;
const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

const two = (big: number, bigUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${String(big)}${bigUnit}` : `${String(big)}${bigUnit}${String(small)}${smallUnit}`;

/** A span of time as `kubectl get` shows it: two or three significant figures (apimachinery `util/duration`, HumanDuration). */
export const humanDuration = (ms: number): string => {
  const seconds = Math.trunc(ms / 1000);
  // Up to two seconds in the future is a clock that is a little off.
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  const whole = (unit: number): number => Math.floor(seconds / unit);
  const rest = (unit: number, inside: number): number => Math.floor(seconds / unit) % inside;
  if (seconds < 2 * minute) return `${String(seconds)}s`;
  if (seconds < 10 * minute) return two(whole(minute), 'm', rest(second, 60), 's');
  if (seconds < 3 * hour) return `${String(whole(minute))}m`;
  if (seconds < 8 * hour) return two(whole(hour), 'h', rest(minute, 60), 'm');
  if (seconds < 2 * day) return `${String(whole(hour))}h`;
  if (seconds < 8 * day) return two(whole(day), 'd', rest(hour, 24), 'h');
  if (seconds < 2 * year) return `${String(whole(day))}d`;
  if (seconds < 8 * year) return two(whole(year), 'y', rest(day, 365), 'd');
  return `${String(whole(year))}y`;
};

/** How long ago an RFC 3339 time was; `<unknown>` for none. */
export const since = (time: string | undefined, now: number): string => {
  const at = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(at) ? '<unknown>' : humanDuration(now - at);
};
