import { byId, say } from './dom.js';
import { addEvents } from './feed.js';
import { follow } from './follow.js';
import { focusRow, moveFocus, showList, showSort } from './list.js';
import { explain, openStory } from './story.js';
import { hashOf, queryOf, rowsOfPage, viewOf } from './view.js';
import { duration, momentOf } from './words.js';

/** @typedef {import('./view.js').ListView} ListView */

const filter = /** @type {HTMLInputElement} */ (byId('filter'));
const phase = /** @type {HTMLSelectElement} */ (byId('phase'));
const token = /** @type {HTMLInputElement} */ (byId('token'));
const main = /** @type {HTMLElement} */ (document.querySelector('main'));

/**
 * In this variable and nowhere else.
 * @type {string | undefined}
 */
let usedToken;
let view = viewOf(location.hash);
/**
 * The list as it was left for a story.
 * @type {ListView | undefined}
 */
let lastList;
let isPaused = false;
/** What happened is told from the beginning with each connection. */
let isAnew = false;
/** Of the connection that is open. */
let following = new AbortController();
/** @type {ReturnType<typeof openStory> | undefined} */
let story;
/**
 * The row that a story was opened from takes the focus back once it is there.
 * @type {string | undefined}
 */
let returnTo;
/**
 * When something arrived last, on the controller's clock.
 * @type {number | undefined}
 */
let newest;

/** Messages of a standby since the leader spoke. */
let ofStandby = 0;
/** A Service leads each connection to any replica: some tries at once find the leader, another each half minute finds one that begins to lead. */
const seeksLeader = (/** @type {boolean} */ leads) => {
  ofStandby = leads ? 0 : ofStandby + 1;
  return !leads && (ofStandby <= 6 || ofStandby % 15 === 0);
};

/** More than a message takes, however busy the controller is. */
const longestSkewMs = 30_000;

const showOnly = (/** @type {'login' | 'list' | 'story'} */ shown) => {
  for (const id of ['login', 'list', 'story']) byId(id).hidden = id !== shown;
  byId('pause').hidden = shown === 'login';
};

const tell = (/** @type {string} */ text, /** @type {boolean} */ isTrouble) => {
  say(byId('connection'), text);
  byId('connection').classList.toggle('trouble', isTrouble);
  main.classList.toggle('stale', isTrouble);
};

/** Times on this page are the controller's: said where its clock is not this computer's. */
const skewOf = (/** @type {number} */ now) => {
  const skewMs = Date.now() - now;
  if (Math.abs(skewMs) < longestSkewMs) return '';
  return `; times are of the controller's clock, ${duration(Math.abs(skewMs))} ${skewMs > 0 ? 'behind' : 'ahead of'} this computer's`;
};

const asOf = () => (newest === undefined ? '' : ` What is shown is of ${momentOf(newest)}.`);

const askForToken = (/** @type {string} */ problem) => {
  tell('', false);
  usedToken = undefined;
  showOnly('login');
  say(byId('token-problem'), problem);
  token.focus();
};

const onConnection = (/** @type {import('./follow.js').Connection} */ connection) => {
  if (connection.kind === 'opening') {
    if (newest === undefined) tell('Connecting …', false);
  } else if (connection.kind === 'live') {
    isAnew = true;
    showOnly(view.kind);
  } else if (connection.kind === 'lost') tell(`${connection.why[0]?.toUpperCase()}${connection.why.slice(1)}: trying again.${asOf()}`, true);
  else if (connection.status === 401) askForToken(usedToken === undefined ? '' : connection.detail);
  else if (connection.status === 403 && usedToken !== undefined) askForToken(connection.detail);
  else tell(connection.detail, true);
};

const onEvent = (/** @type {string} */ event, /** @type {any} */ data) => {
  if (event === 'happened') {
    const feed = byId(view.kind === 'story' ? 'story-feed' : 'feed');
    if (isAnew && data.length > 0) feed.replaceChildren();
    isAnew = false;
    addEvents(feed, data, view.kind === 'list');
    return;
  }
  if (seeksLeader(data.leads)) {
    connect();
    return;
  }
  newest = data.now;
  const role = data.leads ? '' : ', from a standby: it decides the same and writes nothing; transitions are told by the leader';
  tell(`Live${role}${skewOf(data.now)}`, false);
  if (event === 'story') story?.show(data);
  else {
    showList(data, rowsOfPage);
    if (returnTo !== undefined) focusRow(returnTo);
    returnTo = undefined;
  }
};

const connect = () => {
  following.abort();
  if (isPaused || document.hidden) return;
  following = new AbortController();
  const { signal } = following;
  const ifCurrent =
    (/** @type {(...given: any[]) => void} */ task) =>
    (/** @type {any[]} */ ...given) => {
      if (!signal.aborted) task(...given);
    };
  void follow({ query: queryOf(view), token: usedToken, signal, onEvent: ifCurrent(onEvent), onConnection: ifCurrent(onConnection) });
};

const showPaused = (/** @type {boolean} */ paused) => {
  isPaused = paused;
  byId('pause').setAttribute('aria-pressed', String(isPaused));
};

/** The address has changed: show what it says. */
const go = () => {
  const before = view;
  view = viewOf(location.hash);
  story?.close();
  story = undefined;
  showPaused(false);
  if (byId('login').hidden) showOnly(view.kind);
  if (view.kind === 'story') {
    if (before.kind === 'list') lastList = before;
    /** @type {HTMLAnchorElement} */ (byId('back')).href = lastList === undefined ? '#/' : hashOf(lastList);
    newest = undefined;
    document.title = `${view.namespace}/${view.name} · Rouse`;
    story = openStory(view.namespace, view.name);
    if (before.kind === 'list') main.focus();
  } else {
    document.title = 'Rouse';
    if (before.kind === 'story') returnTo = `${before.namespace}/${before.name}`;
    if (filter.value !== view.filter) filter.value = view.filter;
    phase.value = view.phase;
    showSort(view);
  }
  connect();
};

/** @param {Partial<ListView>} change */
const changeList = (change) => {
  if (view.kind !== 'list') return;
  history.replaceState(null, '', hashOf({ ...view, offset: 0, ...change }));
  go();
};

addEventListener('hashchange', go);
// A browser has six connections to one host for all its tabs: a tab that nobody looks at, or that was left for another page, needs none.
document.addEventListener('visibilitychange', () => connect());
addEventListener('pagehide', () => following.abort());
addEventListener('pageshow', ({ persisted }) => persisted && connect());
addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === '/' && !isTyping && view.kind === 'list') {
    event.preventDefault();
    filter.focus();
  } else if (event.key === 'Escape' && view.kind === 'story') location.hash = lastList === undefined ? '#/' : hashOf(lastList);
  else if (view.kind === 'list') moveFocus(event);
});

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
filter.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => changeList({ filter: filter.value.trim() }), 150);
});
phase.addEventListener('change', () => changeList({ phase: phase.value }));
filter.form?.addEventListener('submit', (event) => event.preventDefault());
for (const button of byId('workloads').querySelectorAll('button'))
  button.addEventListener('click', () => {
    if (view.kind !== 'list') return;
    const sort = button.dataset['sort'] ?? 'name';
    // Names from A on, figures from the highest; once more turns it round.
    changeList({ sort, descending: view.sort === sort ? !view.descending : sort !== 'name' && sort !== 'phase' });
  });
byId('previous').addEventListener('click', () => view.kind === 'list' && changeList({ offset: Math.max(0, view.offset - rowsOfPage) }));
byId('next').addEventListener('click', () => view.kind === 'list' && changeList({ offset: view.offset + rowsOfPage }));
byId('explain').addEventListener('click', () => {
  if (view.kind === 'story') void explain(view.namespace, view.name);
});
byId('pause').addEventListener('click', () => {
  showPaused(!isPaused);
  connect();
  if (isPaused) tell(`Paused.${asOf()}`, false);
});
token.form?.addEventListener('submit', (event) => {
  event.preventDefault();
  usedToken = token.value.trim();
  token.value = '';
  say(byId('token-problem'), '');
  connect();
});

go();
