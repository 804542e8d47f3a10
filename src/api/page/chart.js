// @ts-expect-error Served by the controller, from node_modules.
import served from './chart/uPlot.esm.js';
import { element, say } from './dom.js';
import { short, timeOf } from './words.js';

const uPlot = /** @type {typeof import('uplot')} */ (served);

/**
 * One line of a chart.
 * @typedef {{ name: 'load' | 'capacity' | 'held' | 'desired' | 'ready', stepped?: boolean, dashed?: boolean, filled?: boolean }} Line
 */

/** Between two marks of an axis of pods. */
const wholeSteps = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6].map((power) => step * 10 ** power)).sort((a, b) => a - b);

/** Cursors of all charts move together. */
const together = 'story';

const colour = (/** @type {string} */ name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/**
 * A chart over time with a key below that tells the values at the cursor, else the newest.
 * @param {HTMLElement} where
 * @param {readonly Line[]} lines
 * @param {{ height: number, whole?: boolean, times?: boolean }} options `whole`: there is nothing between two whole numbers; `times`: they are written below
 */
export const createChart = (where, lines, { height, whole = false, times = true }) => {
  const values = lines.map(() => element('dd', {}, '–'));
  const key = lines.map(({ name, dashed }, index) =>
    element('div', {}, element('dt', {}, element('span', { class: `swatch ${name}${dashed === true ? ' dashed' : ''}` }), name), values[index] ?? ''),
  );
  const canvas = element('div', { role: 'img' });
  where.replaceChildren(canvas, element('dl', { class: 'key' }, ...key));
  /** @type {uPlot.AlignedData} */
  let data = [[], ...lines.map(() => [])];

  const tell = (/** @type {number | null | undefined} */ index) => {
    const at = index ?? data[0].length - 1;
    for (const [line, value] of values.entries()) say(value, short(data[line + 1]?.[at]));
  };

  const draw = () => {
    const axis = { stroke: colour('quiet'), grid: { stroke: colour('line'), width: 1 }, ticks: { stroke: colour('line') }, font: '12px system-ui, sans-serif' };
    return new uPlot(
      {
        width: Math.max(200, where.clientWidth),
        height,
        legend: { show: false },
        cursor: { sync: { key: together }, y: false },
        scales: { x: { time: true }, y: { range: (_chart, _least, most) => [0, (most ?? 0) * 1.1 || 1] } },
        axes: [
          { ...axis, space: 90, size: times ? 34 : 12, values: (_chart, ticks) => ticks.map((tick) => (times ? timeOf(tick * 1000) : '')) },
          { ...axis, size: 60, space: 18, values: (_chart, ticks) => ticks.map(short), ...(whole ? { incrs: wholeSteps } : {}) },
        ],
        series: [
          {},
          ...lines.map(({ name, stepped, dashed, filled }) => ({
            label: name,
            stroke: colour(name),
            width: 2,
            points: { show: false },
            ...(filled === true ? { fill: `${colour(name)}22` } : {}),
            ...(dashed === true ? { dash: [6, 4] } : {}),
            ...(stepped === true && uPlot.paths.stepped ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
          })),
        ],
        hooks: { setCursor: [({ cursor }) => tell(cursor.idx)] },
      },
      data,
      canvas,
    );
  };
  let chart = draw();
  let shown = { min: 0, max: 0 };

  // A canvas does not follow styles: another colour scheme is another chart.
  const redraw = () => {
    chart.destroy();
    chart = draw();
    chart.setScale('x', shown);
  };
  const dark = matchMedia('(prefers-color-scheme: dark)');
  dark.addEventListener('change', redraw);
  const resized = new ResizeObserver(() => chart.setSize({ width: Math.max(200, where.clientWidth), height }));
  resized.observe(where);

  return {
    /**
     * @param {readonly number[]} at milliseconds since 1970
     * @param {readonly (readonly (number | null)[])[]} columns one for each line
     * @param {{ from: number, to: number }} shown milliseconds since 1970
     */
    show: (at, columns, { from, to }) => {
      data = /** @type {uPlot.AlignedData} */ ([at.map((ms) => ms / 1000), ...columns]);
      chart.setData(data, false);
      shown = { min: from / 1000, max: to / 1000 };
      chart.setScale('x', shown);
      tell(chart.cursor.idx);
      const newest = lines.map(({ name }, index) => `${name} ${short(columns[index]?.at(-1))}`);
      canvas.setAttribute('aria-label', `Chart of the last minutes. Newest: ${newest.join(', ')}. The figures are in the table below.`);
    },
    destroy: () => {
      dark.removeEventListener('change', redraw);
      resized.disconnect();
      chart.destroy();
    },
  };
};
