// The elements of scripts whose manifest gives them `data`: a classic script reads it of `document.currentScript`, a module
// of the element that has its own address (`import.meta.url`). It stays in the head, for listeners read it later, until the
// same script runs again.
//
// `data-script-data` of a slot is JSON: by the address of each such script the attributes of its element.

/** @typedef {Record<string, string>} Attributes */

/** @type {Map<string, HTMLScriptElement>} */
const standing = new Map(); // address in the manifest -> the element of its last run

/** @param {HTMLElement} slot @returns {Record<string, Attributes>} */
export function attributesOfScripts(slot) {
  return JSON.parse(slot.dataset.scriptData ?? "{}");
}

// Marks `element` with what the manifest says of the script at `url`, and takes away that of the run before.
/** @param {string} url @param {HTMLScriptElement} element @param {Attributes} attributes */
export function marked(url, element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("data-")) element.setAttribute(name, value);
  }
  standing.get(url)?.remove();
  standing.set(url, element);
  return element;
}

// A module is imported, for then what it throws is caught where it is run: its element, made by a parser of fragments,
// runs nothing.
/** @param {string} address */
export function inertModule(address) {
  const holder = document.createElement("template");
  holder.innerHTML = '<script type="module"></script>';
  const element = /** @type {HTMLScriptElement} */ (holder.content.firstElementChild);
  element.src = address;
  return element;
}
