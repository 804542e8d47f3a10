/**
 * Which part of the page is shown, as the address tells it: `#/` with the list's settings, `#/NAMESPACE/NAME`.
 * @typedef {{ kind: 'list', filter: string, phase: string, sort: string, descending: boolean, offset: number }} ListView
 * @typedef {{ kind: 'story', namespace: string, name: string }} StoryView
 */

export const rowsOfPage = 50;

/** As it stands where somebody wrote a `%` that stands for nothing. */
const decoded = (/** @type {string} */ part) => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

/** @returns {ListView | StoryView} */
export const viewOf = (/** @type {string} */ hash) => {
  const [, namespace, name] = /^#\/([^/?]+)\/([^/?]+)$/.exec(hash) ?? [];
  if (namespace !== undefined && name !== undefined) return { kind: 'story', namespace: decoded(namespace), name: decoded(name) };
  const given = new URLSearchParams(hash.split('?')[1] ?? '');
  const offset = Number(given.get('offset') ?? 0);
  return {
    kind: 'list',
    filter: given.get('filter') ?? '',
    phase: given.get('phase') ?? '',
    sort: given.get('sort') ?? 'name',
    descending: given.get('order') === 'desc',
    offset: Number.isInteger(offset) && offset > 0 ? offset : 0,
  };
};

/** What is not as it is by default. */
const listSettings = (/** @type {ListView} */ { filter, phase, sort, descending, offset }) => {
  const settings = new URLSearchParams();
  if (filter !== '') settings.set('filter', filter);
  if (phase !== '') settings.set('phase', phase);
  if (sort !== 'name') settings.set('sort', sort);
  if (descending) settings.set('order', 'desc');
  if (offset > 0) settings.set('offset', String(offset));
  return settings;
};

export const hashOf = (/** @type {ListView} */ view) => {
  const settings = listSettings(view).toString();
  return settings === '' ? '#/' : `#/?${settings}`;
};

/** What the controller is asked for. */
export const queryOf = (/** @type {ListView | StoryView} */ view) => {
  if (view.kind === 'story') return new URLSearchParams({ workload: `${view.namespace}/${view.name}` }).toString();
  const settings = listSettings(view);
  settings.set('limit', String(rowsOfPage));
  return settings.toString();
};
