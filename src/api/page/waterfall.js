import { element, svg } from './dom.js';
import { duration, momentOf } from './words.js';

/** @typedef {import('../live/ports.ts').LiveColdStart} LiveColdStart */

/** What ends each phase, in order. */
const phases = /** @type {const} */ ([
  ['decide', 'the new count is written'],
  ['schedule', 'the pod has a node'],
  ['start', 'its containers run'],
  ['ready', 'it answers'],
  ['forward', 'the first byte is out'],
]);

/** One cold start: each phase begins where the one before it ended. */
export const waterfall = (/** @type {LiveColdStart} */ { at, totalMs, phases: lasted }) => {
  let begun = 0;
  const rows = phases.map(([phase, ends]) => {
    const ms = lasted[phase];
    const [x, width] = [(begun / totalMs) * 100, Math.max(0.5, (ms / totalMs) * 100)];
    begun += ms;
    const bar = svg(
      'svg',
      { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      svg('rect', { class: 'track', x: 0, y: 1, width: 100, height: 8 }),
      svg('rect', { x: Math.min(x, 99.5).toFixed(2), y: 1, width: width.toFixed(2), height: 8 }),
    );
    return element(
      'tr',
      { title: `ends when ${ends}` },
      element('th', { scope: 'row' }, phase),
      element('td', { class: 'bar' }, bar),
      element('td', { class: 'number' }, duration(ms)),
      element('td', { class: 'quiet ends' }, ends),
    );
  });
  const caption = element('caption', {}, `${momentOf(at)}: first byte after ${duration(totalMs)}`);
  return element('table', { class: 'wake' }, caption, element('tbody', {}, ...rows));
};
