// An answer that brings a slot takes its place here, in every browser in the same way: where one has no parser for
// declarative shadow roots (`Document.parseHTMLUnsafe`), htmx would put an empty element in the place of a fallback.

import { giveWay } from "./names.js";
import { ownOf, replaceAround } from "./nested.js";
import { attachRoots, findAll, focusedIn } from "./roots.js";

// The slot that `html` brings, not in the page yet; null unless it is whole. What shows is never swapped into nothing.
/** @param {string} html */
export function incomingSlot(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const slot = holder.content.querySelector("fragment-slot");
  const whole = slot && contentOf(slot).querySelector("fragment-end");
  return whole ? slot : null;
}

// What `slot` holds, whether its shadow root is attached or still a template.
/** @param {HTMLElement} slot */
export function contentOf(slot) {
  return slot.shadowRoot ?? templateOf(slot)?.content ?? slot;
}

/** @param {HTMLElement} slot @returns {HTMLTemplateElement | null} */
function templateOf(slot) {
  return slot.querySelector(":scope > template[shadowrootmode]");
}

// Whoever types or reads in another part keeps it where it is on the screen, whatever height the new content has.
/** @param {HTMLElement} slot */
function heldInPlace(slot) {
  const held = document.activeElement;
  if (!held || held === document.body || slot.contains(held)) return () => {};
  const { top } = held.getBoundingClientRect();
  return () => scrollBy({ top: held.getBoundingClientRect().top - top, behavior: "instant" });
}

// Puts `answer` where `slot` stands, and gives what stands there then. Focus, and what was opened to be read, are found
// again in it.
/** @param {HTMLElement} slot @param {HTMLElement} answer */
export function replaceSlot(slot, answer) {
  const incoming = withRoot(answer);
  const focus = focusIn(slot);
  const opened = openedIn(slot);
  const hold = heldInPlace(slot);
  giveWay(incoming, slot);
  replaceAround(slot, incoming);
  hold();
  for (const details of detailsIn(incoming, "details")) {
    if (opened.has(details.textContent)) details.open = true;
  }
  if (focus) giveFocus(incoming, focus);
  return incoming;
}

// A root that is attached while its host is not in this document has no custom elements, also later.
/** @param {HTMLElement} answer */
function withRoot(answer) {
  const holder = document.createElement("div");
  const slot = document.importNode(answer, true);
  holder.append(slot);
  attachRoots(holder);
  slot.remove();
  return slot;
}

/** @param {HTMLElement} slot @param {string} selector @returns {HTMLDetailsElement[]} */
function detailsIn(slot, selector) {
  return findAll(contentOf(slot), selector);
}

/** @param {HTMLElement} slot */
function openedIn(slot) {
  return new Set(detailsIn(slot, "details[open]").map((details) => details.textContent));
}

// What had the focus; an empty name is the slot itself.
/** @typedef {{id: string, name: string, localName: string, selection: [number, number] | null}} Focus */

/** @param {HTMLElement} slot @returns {Focus | null} */
function focusIn(slot) {
  const inside = slot.shadowRoot ?? (slot.contains(document.activeElement) ? document : null);
  const active = inside && focusedIn(inside);
  const focused = active && ownOf(slot, [active])[0];
  if (!focused) return document.activeElement === slot ? { id: "", name: "", localName: "", selection: null } : null;
  return { id: focused.id, name: describe(focused), localName: focused.localName, selection: selectionIn(focused) };
}

/** @param {Element} element @returns {[number, number] | null} */
function selectionIn(element) {
  if (!(element instanceof HTMLInputElement || element instanceof HTMLTextAreaElement)) return null;
  const { selectionStart: start, selectionEnd: end } = element;
  return start === null || end === null ? null : [start, end];
}

// What tells one control of a fragment from another when the fragment is made anew.
/** @param {Element} element */
function describe(element) {
  const words = element.localName === "button" || element.localName === "a" ? element.textContent.trim() : "";
  return [element.getAttribute("name"), element.getAttribute("value"), element.getAttribute("href"), words].join("\n");
}

/** @param {Element} element @returns {element is HTMLElement} */
function takesFocus(element) {
  return "focus" in element;
}

// Where the control is gone, the slot itself holds the place, so that the next Tab goes on from here.
/** @param {HTMLElement} slot @param {Focus} focus */
function giveFocus(slot, { id, name, localName, selection }) {
  const same = localName ? findAll(contentOf(slot), localName).filter(takesFocus) : [];
  const found = (id && same.find((each) => each.id === id)) || same.find((each) => describe(each) === name);
  found?.focus({ preventScroll: true });
  if (found && focusedIn(document) === found) {
    if (selection && "setSelectionRange" in found) {
      /** @type {HTMLInputElement} */ (found).setSelectionRange(...selection);
    }
    return;
  }
  slot.tabIndex = -1;
  slot.focus({ preventScroll: true });
}
