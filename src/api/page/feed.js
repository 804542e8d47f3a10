import { element } from './dom.js';
import { momentOf } from './words.js';

/** @typedef {import('../live/ports.ts').LiveEvent} LiveEvent */

const mostShown = 100;

export const time = (/** @type {number} */ at) => element('time', { datetime: new Date(at).toISOString() }, momentOf(at));

const troubles = new Set(['wake-failed', 'settings-refused', 'write-refused', 'hpa-refused']);

/**
 * Adds what happened, newest first.
 * @param {HTMLElement} list
 * @param {readonly LiveEvent[]} events oldest first
 * @param {boolean} withNames
 */
export const addEvents = (list, events, withNames) => {
  for (const { at, namespace, name, kind, text } of events) {
    const link = element('a', { href: `#/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}` }, `${namespace}/${name}`);
    const what = element('span', { class: troubles.has(kind) ? 'trouble' : null }, text);
    list.prepend(element('li', {}, time(at), ...(withNames ? [link, ' '] : []), what));
  }
  while (list.childElementCount > mostShown) list.lastElementChild?.remove();
};
