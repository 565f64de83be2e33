// What slots without a shadow root name in the tree that they share: ids, and groups that act together by their name.
// The shell writes a slot that is asked for again so that it takes none of these (shell/composition/page_names.py).

import { ownOf } from "./nested.js";

const CHARS_MAX = 8000;
const REFERRING = ["form", "for", "popovertarget", "commandfor"]; // a press here acts there
const NAMED = "[id], details[name], map[name], input[type=radio i][name]";

// The names that slots other than `slot` hold, as the shell reads them; "*" where they are too many to be told.
/** @param {Element | null} slot */
export function namesTaken(slot) {
  const names = new Set();
  for (const other of document.querySelectorAll("fragment-slot")) {
    if (other === slot || other.shadowRoot) continue;
    for (const element of ownOf(other, other.querySelectorAll(NAMED))) {
      if (element.id) names.add(`id:${encodeURIComponent(element.id)}`);
      const group = groupOf(element);
      if (group) names.add(`${group}:${encodeURIComponent(element.getAttribute("name") ?? "")}`);
    }
  }
  const written = [...names].join(" ");
  return written.length > CHARS_MAX ? "*" : written;
}

// Two answers that were asked for at the same moment do not know of each other's names: the later one gives way to what
// the page holds by then. Nothing in it refers to another slot's form, control or dialog.
/** @param {HTMLElement} incoming @param {HTMLElement} slot */
export function giveWay(incoming, slot) {
  if (incoming.shadowRoot) return;
  const taken = new Set();
  for (const other of document.querySelectorAll("fragment-slot")) {
    if (other === slot || other.shadowRoot) continue;
    for (const element of ownOf(other, other.querySelectorAll("[id]"))) taken.add(element.id);
  }
  const own = new Set();
  for (const element of incoming.querySelectorAll("[id]")) {
    if (taken.has(element.id)) element.removeAttribute("id");
    else own.add(element.id);
  }
  for (const name of REFERRING) {
    for (const element of incoming.querySelectorAll(`[${name}]`)) {
      const ids = (element.getAttribute(name) ?? "").split(" ").filter((id) => own.has(id));
      if (ids.length) element.setAttribute(name, ids.join(" "));
      else element.removeAttribute(name);
    }
  }
}

// A radio button's group ends with its form.
/** @param {Element} element */
function groupOf(element) {
  if (!element.getAttribute("name")) return "";
  if (element.localName === "details" || element.localName === "map") return element.localName;
  return element instanceof HTMLInputElement && element.type === "radio" && !element.form ? "radio" : "";
}
