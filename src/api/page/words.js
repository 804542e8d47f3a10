const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const numbers = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const counts = new Intl.NumberFormat('en');

/** Local time of day. */
export const timeOf = (/** @type {number} */ at) => clock.format(at);

/** Local time, with the day where that is not today. */
export const momentOf = (/** @type {number} */ at) => {
  const dayOf = day.format(at);
  return dayOf === day.format(Date.now()) ? timeOf(at) : `${dayOf}, ${timeOf(at)}`;
};

/**
 * From which value on a prefix is used, what it stands for, and the prefix.
 * @type {readonly (readonly [number, number, string])[]}
 */
const prefixes = [
  [1e15, 1e15, 'P'],
  [1e12, 1e12, 'T'],
  [1e9, 1e9, 'G'],
  [1e6, 1e6, 'M'],
  [1e5, 1e3, 'k'],
];

/** Three figures; a dash where nothing is known. */
export const short = (/** @type {number | null | undefined} */ value) => {
  if (value === null || value === undefined) return '–';
  const [, unit, prefix] = prefixes.find(([least]) => Math.abs(value) >= least) ?? [];
  if (unit !== undefined) return `${numbers.format(value / unit)} ${prefix}`;
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : numbers.format(value);
};

export const duration = (/** @type {number} */ ms) => {
  if (ms < 10_000) return `${short(ms)} ms`;
  return ms < 600_000 ? `${short(ms / 1000)} s` : `${short(ms / 60_000)} min`;
};

export const count = (/** @type {number} */ value) => counts.format(value);

export const pods = (/** @type {number} */ value) => (value === 1 ? '1 pod' : `${count(value)} pods`);

/** What the values of a metric are; `core/observation.ts`. */
const units = new Map([
  ['concurrency', 'requests at once'],
  ['rps', 'requests per second'],
  ['held', 'held requests'],
  ['latency', 'p95 in ms, as every pod should keep it'],
  ['cpu', 'CPU in percent of requests'],
  ['memory', 'bytes of memory'],
]);
export const unitOf = (/** @type {string | undefined} */ metric) => (metric === undefined ? '' : (units.get(metric) ?? metric));
