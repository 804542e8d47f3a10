import { byId, element, say } from './dom.js';
import { spark } from './spark.js';
import { count } from './words.js';

/** @typedef {import('../live/messages.ts').ListMessage} ListMessage */
/** @typedef {ListMessage['rows'][number]} Row */

const table = byId('workloads');
const body = /** @type {HTMLElement} */ (table.querySelector('tbody'));

const nameOf = (/** @type {Row} */ { namespace, name }) => `${namespace}/${name}`;

/** A row that is filled anew with every message: its link stays, and with it the focus. */
const makeRow = (/** @type {Row} */ row) => {
  const link = element('a', { href: `#/${encodeURIComponent(row.namespace)}/${encodeURIComponent(row.name)}` }, nameOf(row));
  const cell = (/** @type {string} */ shown) => element('td', { role: 'cell', class: shown });
  const number = (/** @type {string} */ label) => element('td', { role: 'cell', class: 'number', 'data-label': label });
  return element(
    'tr',
    { role: 'row', 'data-name': nameOf(row) },
    element('th', { role: 'rowheader' }, link),
    cell('phase-cell'),
    cell('spark-cell'),
    number('desired'),
    number('ready'),
    number('held'),
    cell('why'),
  );
};

const fillRow = (/** @type {HTMLTableRowElement} */ tr, /** @type {Row} */ row) => {
  const [, phase, chart, desired, ready, held, why] = /** @type {HTMLElement[]} */ ([...tr.children]);
  phase?.replaceChildren(element('span', { class: `phase ${row.phase}` }, row.phase));
  chart?.replaceChildren(spark(row.spark));
  if (desired) say(desired, count(row.desired));
  if (ready) say(ready, count(row.ready));
  if (held) say(held, count(row.held));
  if (why) {
    say(why, row.trouble ?? row.why);
    why.classList.toggle('trouble', row.trouble !== undefined);
  }
};

const showRows = (/** @type {readonly Row[]} */ rows) => {
  const old = new Map([...body.children].map((tr) => [/** @type {HTMLElement} */ (tr).dataset['name'], /** @type {HTMLTableRowElement} */ (tr)]));
  for (const [index, row] of rows.entries()) {
    const tr = old.get(nameOf(row)) ?? makeRow(row);
    old.delete(nameOf(row));
    fillRow(tr, row);
    // Moving an element takes the focus from it: only what is out of place is moved.
    if (body.children[index] !== tr) body.insertBefore(tr, body.children[index] ?? null);
  }
  for (const tr of old.values()) tr.remove();
};

const noWorkloads = () => [
  element('h2', {}, 'No workloads yet'),
  element('p', {}, 'Rouse looks after the workloads that carry one annotation. This onboards a Deployment; removing it puts everything back:'),
  element('pre', { tabindex: 0 }, 'kubectl annotate deployment NAME rouse.dev/enabled=true'),
];

const showEmpty = (/** @type {ListMessage} */ { total, matching }) => {
  const empty = byId('empty');
  const isEmpty = matching === 0;
  const kind = total === 0 ? 'none' : 'no-match';
  if (isEmpty && empty.dataset['kind'] !== kind)
    empty.replaceChildren(...(total === 0 ? noWorkloads() : [element('p', {}, 'No workload matches: change the filter or the phase.')]));
  empty.dataset['kind'] = isEmpty ? kind : '';
  empty.hidden = !isEmpty;
  table.hidden = isEmpty;
};

/** @param {{ sort: string, descending: boolean }} view */
export const showSort = ({ sort, descending }) => {
  for (const button of table.querySelectorAll('button')) {
    const th = button.closest('th');
    if (button.dataset['sort'] === sort) th?.setAttribute('aria-sort', descending ? 'descending' : 'ascending');
    else th?.removeAttribute('aria-sort');
  }
};

/**
 * @param {ListMessage} message
 * @param {number} limit rows of a page
 */
export const showList = (message, limit) => {
  const { total, matching, offset, rows } = message;
  showRows(rows);
  if (rows.length > 0 && performance.getEntriesByName('first-row').length === 0) performance.mark('first-row');
  showEmpty(message);
  const part = matching > rows.length ? `${count(offset + 1)}–${count(offset + rows.length)} of ` : '';
  say(byId('count'), `${part}${count(matching)}${matching === total ? '' : ` of ${count(total)}`} ${total === 1 ? 'workload' : 'workloads'}`);
  byId('pages').hidden = matching <= limit;
  /** @type {HTMLButtonElement} */ (byId('previous')).disabled = offset === 0;
  /** @type {HTMLButtonElement} */ (byId('next')).disabled = offset + rows.length >= matching;
};

/** Up and down go from row to row. */
export const moveFocus = (/** @type {KeyboardEvent} */ event) => {
  const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  const links = [...body.querySelectorAll('a')];
  const at = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
  if (by === 0 || at < 0) return;
  event.preventDefault();
  links[at + by]?.focus();
};

/** Back from a story to the row that led to it. */
export const focusRow = (/** @type {string} */ name) => {
  const tr = [...body.children].find((one) => /** @type {HTMLElement} */ (one).dataset['name'] === name);
  tr?.querySelector('a')?.focus();
};
