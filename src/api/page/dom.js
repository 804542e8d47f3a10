/** The element with this id, which the page has. */
export const byId = (/** @type {string} */ id) => {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
};

/**
 * An element with attributes (null: left out) and children. Text is text: nothing that comes from the cluster is ever read as HTML.
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Readonly<Record<string, string | number | null>>} [attributes]
 * @param {...(Node | string)} children
 */
export const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(attribute, String(value));
  made.append(...children);
  return made;
};

/**
 * @param {string} name
 * @param {Readonly<Record<string, string | number>>} attributes
 * @param {...Node} children
 */
export const svg = (name, attributes, ...children) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, String(value));
  made.append(...children);
  return made;
};

/** Sets text only where it changed: a live region speaks of every change. */
export const say = (/** @type {Element} */ where, /** @type {string} */ text) => {
  if (where.textContent !== text) where.textContent = text;
};
