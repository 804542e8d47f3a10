import { contestantTitles, summaryTable } from './summary.ts';
import type { Outcome, Sample } from './score.ts';
import { thinned } from './thinned.ts';

const page = { width: 960, panel: 190, left: 56, right: 56, gap: 34, head: 56 };
const mostPoints = 400;

interface Series {
  readonly name: string;
  readonly colour: string;
  readonly value: (sample: Sample) => number;
  /** Requests on the left, pods on the right. */
  readonly axis: 'requests' | 'pods';
  readonly isArea?: boolean;
  readonly dashes?: string;
}

const series: readonly Series[] = [
  { name: 'requests', colour: '#9aa5b1', value: ({ requests }) => requests, axis: 'requests', isArea: true },
  { name: 'held', colour: '#d1495b', value: ({ held }) => held, axis: 'requests', isArea: true },
  { name: 'capacity', colour: '#2a6f97', value: ({ capacity }) => capacity, axis: 'requests' },
  { name: 'pods', colour: '#3a7d44', value: ({ pods }) => pods, axis: 'pods' },
  { name: 'desired', colour: '#e09f3e', value: ({ desired }) => desired, axis: 'pods', dashes: '4 3' },
];

const escape = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const round = (value: number): string => String(Math.round(value * 10) / 10);

/** A round number that is not below `value`. */
const top = (value: number): number => {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, value)));
  return power * ([1, 2, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10);
};

type Tops = Readonly<Record<Series['axis'], number>>;

const path = ({ value, axis, isArea = false, colour, dashes, name }: Series, samples: readonly Sample[], y: number, tops: Tops): string => {
  const values = thinned(samples.map(value), mostPoints);
  const x = (index: number): number => page.left + (index / Math.max(1, values.length - 1)) * (page.width - page.left - page.right);
  const heights = values.map((each) => round(y + page.panel * (1 - each / tops[axis])));
  // Of a level stretch the ends are enough.
  const points = heights
    .flatMap((height, index) => (height === heights[index - 1] && height === heights[index + 1] ? [] : [`${round(x(index))} ${height}`]))
    .join('L');
  const base = round(y + page.panel);
  const shape = isArea ? `M${round(x(0))} ${base}L${points}L${round(x(values.length - 1))} ${base}Z` : `M${points}`;
  const paint = isArea
    ? `fill="${colour}" fill-opacity="0.45"`
    : `fill="none" stroke="${colour}" stroke-width="1.6"${dashes === undefined ? '' : ` stroke-dasharray="${dashes}"`}`;
  return `<path id="${name}" d="${shape}" ${paint}/>`;
};

const text = (x: number, y: number, content: string, more = ''): string =>
  `<text x="${round(x)}" y="${round(y)}"${more === '' ? '' : ` ${more}`}>${escape(content)}</text>`;

const panel = ({ name, samples }: Outcome, y: number, tops: Tops): readonly string[] => {
  const right = page.width - page.right;
  const lines = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const at = y + page.panel * (1 - share);
    return [
      `<path d="M${page.left} ${round(at)}H${right}" stroke="#d5dae0" stroke-width="0.7"/>`,
      text(page.left - 6, at + 4, round(tops.requests * share), 'text-anchor="end"'),
      text(right + 6, at + 4, round(tops.pods * share)),
    ].join('');
  });
  return [
    `<g id="${name}">`,
    text(page.left, y - 8, contestantTitles[name], 'font-weight="bold"'),
    ...lines,
    ...series.map((each) => path(each, samples, y, tops)).map((each) => each.replace('id="', `id="${name}-`)),
    '</g>',
  ];
};

const seconds = (value: number): string => (value >= 7200 ? `${round(value / 3600)} h` : value >= 180 ? `${round(value / 60)} min` : `${round(value)} s`);

/** The runs one under the other on the same scales, the legend above, the table below. */
export const svgPlot = (title: string, outcomes: readonly Outcome[]): string => {
  const highest = (axis: Series['axis']): number =>
    Math.max(
      1,
      ...outcomes.flatMap(({ samples }) =>
        series.filter((each) => each.axis === axis).map(({ value }) => samples.reduce((most, sample) => Math.max(most, value(sample)), 0)),
      ),
    );
  const tops: Tops = { requests: top(highest('requests')), pods: top(highest('pods')) };
  const bottom = page.head + outcomes.length * (page.panel + page.gap) + 20;
  const table = summaryTable(outcomes);
  const length = outcomes[0]?.samples.length ?? 0;
  const height = bottom + 20 + table.length * 16 + 10;
  const legend = series.map(({ name, colour, axis }, index) => {
    const x = page.left + index * 160;
    return `<rect x="${x}" y="30" width="12" height="8" fill="${colour}"/>${text(x + 17, 38, axis === 'pods' ? `${name} (right scale)` : name)}`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((share) =>
    text(page.left + share * (page.width - page.left - page.right), bottom - page.gap + 10, seconds(share * length), 'text-anchor="middle"'),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${page.width} ${height}" width="${page.width}" height="${height}" font-family="sans-serif" font-size="11" fill="#22303c">`,
    `<rect width="${page.width}" height="${height}" fill="#ffffff"/>`,
    text(page.left, 18, title, 'font-size="14" font-weight="bold"'),
    ...legend,
    ...outcomes.flatMap((outcome, index) => panel(outcome, page.head + 18 + index * (page.panel + page.gap), tops)),
    ...ticks,
    ...table.map((line, index) => text(page.left, bottom + 14 + index * 16, line, 'font-family="monospace" xml:space="preserve"')),
    '</svg>',
    '',
  ].join('\n');
};
