import { svg } from './dom.js';
import { short } from './words.js';

/** @typedef {import('../live/series.ts').Spark} Spark */

const [width, height] = [120, 24];

/**
 * Steps, one for each value; nothing where nothing is known.
 * @param {readonly (number | null)[]} values
 * @param {number} most
 */
const path = (values, most) => {
  const step = width / values.length;
  const y = (/** @type {number} */ value) => (height - 2 - (value / most) * (height - 4)).toFixed(1);
  let isDown = false;
  return values
    .map((value, index) => {
      if (value === null) {
        isDown = false;
        return '';
      }
      const begin = isDown ? `V${y(value)}` : `M${(index * step).toFixed(1)},${y(value)}`;
      isDown = true;
      return `${begin}H${((index + 1) * step).toFixed(1)}`;
    })
    .join('');
};

const highest = (/** @type {readonly (number | null)[]} */ values) =>
  values.reduce((most, value) => (value === null ? most : Math.max(most ?? 0, value)), null);

/** Load (in pods that it asks for) and pods that are wanted, on one scale, five minutes up to now. */
export const spark = (/** @type {Spark} */ { load, desired }) => {
  const most = Math.max(1, highest(load) ?? 0, highest(desired) ?? 0);
  const label = `in the last 5 minutes at most ${short(highest(desired))} pods wanted, load for ${short(highest(load))}`;
  return svg(
    'svg',
    { class: 'spark', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    svg('path', { class: 'ground', d: `M0,${height - 1}H${width}` }),
    svg('path', { class: 'desired', d: path(desired, most) }),
    svg('path', { class: 'load', d: path(load, most) }),
  );
};
