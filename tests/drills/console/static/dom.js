// The little of the DOM that is written again and again.

/**
 * The element with this id, which the page has.
 * @template {Element} T
 * @param {string} id
 * @param {new () => T} kind
 * @returns {T}
 */
export function byId(id, kind) {
  const found = document.getElementById(id);
  if (!(found instanceof /** @type {any} */ (kind))) throw new Error(`the page has no ${kind.name} #${id}`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * An element with attributes and children; texts are texts.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | null>} [attributes]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) set(made, name, value);
  made.append(...children);
  return made;
}

/**
 * Sets what differs, so that nothing is announced or drawn again that stayed.
 * @param {Element} element @param {string} name @param {string | null} value null takes it away
 */
export function set(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** @param {Element} element @param {string} words */
export function text(element, words) {
  if (element.textContent !== words) element.textContent = words;
}

/** @param {HTMLElement} element @param {string} words hides it where there are none */
export function say(element, words) {
  text(element, words);
  element.hidden = !words;
}

/**
 * Parts with a space between each two: laid out apart, they are read and copied apart too.
 * @param {...Node} parts
 * @returns {(Node | string)[]}
 */
export function spaced(...parts) {
  return parts.flatMap((part) => [part, " "]).slice(0, -1);
}
