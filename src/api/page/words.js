const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const numbers = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 });
const counts = new Intl.NumberFormat('en');

/** Local time of day. */
export const timeOf = (/** @type {number} */ at) => clock.format(at);

/** Three figures; a dash where nothing is known. */
export const short = (/** @type {number | null | undefined} */ value) => (value === null || value === undefined ? '–' : numbers.format(value));

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
