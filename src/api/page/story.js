import { createChart } from './chart.js';
import { byId, element, say } from './dom.js';
import { time } from './feed.js';
import { waterfall } from './waterfall.js';
import { count, momentOf, pods, short, timeOf, unitOf } from './words.js';

/** @typedef {import('../live/messages.ts').StoryMessage} StoryMessage */
/** @typedef {import('../live/series.ts').Series} Series */
/** @typedef {{ at: number, values: readonly (number | null)[] }} Point */

const columns = /** @type {const} */ (['load', 'capacity', 'held', 'desired', 'ready']);
const shownMs = 10 * 60_000;
const mostFigures = 60;
/** Between two points that belong together; `live/series.ts`. */
const longestPeriodMs = 5000;

/** @param {Series} series */
const pointsOf = (series) => series.at.map((at, index) => ({ at, values: columns.map((column) => series[column][index] ?? null) }));

/**
 * What was known before, and what is told now: with a gap between, where another controller goes on.
 * @param {readonly Point[]} before
 * @param {readonly Point[]} told
 */
const joined = (before, told) => {
  const [last, first] = [before.at(-1), told[0]];
  const isGap = last !== undefined && first !== undefined && first.at - last.at > longestPeriodMs;
  return isGap ? [...before, { at: last.at + 1, values: columns.map(() => null) }, ...told] : [...before, ...told];
};

/** @param {Extract<StoryMessage, { problem?: undefined }>['history'][number]} line */
const decision = ({ since, times, from, to, why, reason }) => {
  const change = from === undefined ? `stays at ${pods(to)}` : `${count(from)} → ${count(to)}`;
  return element(
    'li',
    {},
    time(since),
    element('strong', {}, change),
    `: ${why} `,
    element('code', { class: 'quiet' }, times > 1 ? `${reason} × ${count(times)}` : reason),
  );
};

/** The page of one workload, until `close`. */
export const openStory = (/** @type {string} */ namespace, /** @type {string} */ name) => {
  const load = createChart(
    byId('load-chart'),
    [
      { name: 'load', filled: true },
      { name: 'capacity', stepped: true, dashed: true },
    ],
    { height: 190 },
  );
  const held = createChart(byId('held-chart'), [{ name: 'held', stepped: true, filled: true }], { height: 80, whole: true, times: false });
  const wanted = createChart(
    byId('pods-chart'),
    [
      { name: 'desired', stepped: true },
      { name: 'ready', stepped: true, filled: true },
    ],
    { height: 140, whole: true },
  );
  /**
   * What the controller remembers, after what it has forgotten since the page was opened.
   * @type {readonly Point[]}
   */
  let points = [];
  /** @type {string | undefined} */
  let metric;
  /**
   * When it was there last, on the controller's clock.
   * @type {number | undefined}
   */
  let lastSeen;

  say(byId('story-title'), `${namespace}/${name}`);
  for (const id of ['decisions', 'wakes', 'story-feed', 'story-now']) byId(id).replaceChildren();
  byId('explanation').hidden = true;

  const showFigures = () => {
    const figures = /** @type {HTMLDetailsElement} */ (byId('figures'));
    if (!figures.open) return;
    figures.querySelector('thead')?.replaceChildren(element('tr', {}, ...['time', ...columns].map((title) => element('th', { scope: 'col' }, title))));
    const rows = points.slice(-mostFigures).reverse();
    const row = (/** @type {Point} */ { at, values }) =>
      element('tr', {}, element('th', { scope: 'row' }, timeOf(at)), ...values.map((value) => element('td', { class: 'number' }, short(value))));
    figures.querySelector('tbody')?.replaceChildren(...rows.map(row));
  };
  byId('figures').ontoggle = showFigures;

  return {
    show: (/** @type {StoryMessage} */ message) => {
      byId('story-problem').hidden = message.problem === undefined;
      byId('story-body').hidden = message.problem !== undefined && lastSeen === undefined;
      byId('story-body').classList.toggle('stale', message.problem !== undefined);
      if (message.problem !== undefined) {
        say(byId('story-problem'), lastSeen === undefined ? message.problem : `${message.problem} What is shown below is of ${momentOf(lastSeen)}.`);
        return;
      }
      const { workload, series, history, coldStarts, now } = message;
      lastSeen = now;
      if (series.metric !== metric) points = [];
      metric = series.metric;
      const newer = pointsOf(series);
      const first = newer[0]?.at ?? now;
      points = joined(
        points.filter(({ at }) => at < first && at >= now - shownMs),
        newer,
      );
      const at = points.map((point) => point.at);
      const column = (/** @type {number} */ index) => points.map(({ values }) => values[index] ?? null);
      const shown = { from: Math.max(now - shownMs, Math.min(at[0] ?? now, now - 60_000)), to: now };
      load.show(at, [column(0), column(1)], shown);
      held.show(at, [column(2)], shown);
      wanted.show(at, [column(3), column(4)], shown);
      say(byId('unit'), metric === undefined ? '' : `(${unitOf(metric)})`);
      const phase = element('span', { class: `phase ${workload.phase}` }, workload.phase);
      const why = element('span', { class: workload.trouble === undefined ? null : 'trouble' }, workload.trouble ?? workload.why);
      const figures = `${pods(workload.desired)} wanted, ${count(workload.ready)} ready, ${count(workload.held)} held: `;
      byId('story-now').replaceChildren(phase, element('span', {}, figures, why));
      byId('decisions').replaceChildren(...[...history].reverse().map(decision));
      byId('wakes').replaceChildren(
        ...(coldStarts.length === 0
          ? [element('p', { class: 'quiet' }, 'None since this controller began to lead.')]
          : [...coldStarts].reverse().map(waterfall)),
      );
      showFigures();
    },
    close: () => {
      for (const chart of [load, held, wanted]) chart.destroy();
    },
  };
};

/** What `rouse explain` prints. */
export const explain = async (/** @type {string} */ namespace, /** @type {string} */ name) => {
  const where = byId('explanation');
  where.hidden = false;
  say(where, 'Working it out …');
  try {
    const response = await fetch(`../workloads/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}/explain`, { headers: { accept: 'text/plain' } });
    say(where, await response.text());
  } catch {
    say(where, 'The controller does not answer: try again in a moment.');
  }
};
