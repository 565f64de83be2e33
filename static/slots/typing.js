// Whether somebody is at work in a slot: what they have typed is theirs, and nothing that arrives may take it.
//
// Focus is not typing: a button, a link or a box to tick that has it is found again in what arrives. A field for text
// that has it may be typed into at the next moment, and what is being pressed or sent is not pulled away.

import { ownOf } from "./nested.js";
import { findAll, focusedIn } from "./roots.js";

const NO_TEXT = new Set("button checkbox color file image radio range reset submit".split(" "));

// What is pressed, sent, or was opened over the page by a person. A browser that does not know one of these passes it by.
const AT_WORK = ":is(:active, form[aria-busy], dialog:modal, [popover='']:popover-open, [popover=auto i]:popover-open)";

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Field */

/** @param {HTMLElement} slot */
export function busy(slot) {
  const root = slot.shadowRoot ?? slot;
  const inside = slot.shadowRoot ?? (slot.contains(document.activeElement) ? document : null);
  const focused = inside && focusedIn(inside);
  if (focused && takesText(focused) && ownOf(slot, [focused]).length) return true;
  if (ownOf(slot, findAll(root, AT_WORK)).length) return true;
  /** @type {Field[]} */
  const fields = findAll(root, "input:not([type=hidden]), textarea, select");
  return ownOf(slot, fields).some(edited);
}

// Marks what an action's answer brings back of what was typed into `slot`: it is typed input still.
/** @param {HTMLElement} slot @param {import("./roots.js").Tree} content */
export function keepTyped(slot, content) {
  const typed = new Map(
    fieldsOf(slot.shadowRoot ?? slot)
      .filter(edited)
      .map((field) => [nameOf(field), field]),
  );
  for (const field of fieldsOf(content)) {
    const before = typed.get(nameOf(field));
    if (before && before.value !== "" && before.value === field.value) field.dataset.typed = "";
  }
}

/** @param {import("./roots.js").Tree} root @returns {Field[]} */
function fieldsOf(root) {
  return findAll(root, "input:not([type=hidden]):not([type=radio]):not([type=checkbox]), textarea, select");
}

/** @param {Field} field */
function nameOf(field) {
  return `${field.form?.getAttribute("action") ?? ""} ${field.name}`;
}

/** @param {Element} element */
function takesText(element) {
  if (element instanceof HTMLInputElement) return !NO_TEXT.has(element.type);
  return element instanceof HTMLElement && (element.localName === "textarea" || element.isContentEditable);
}

/** @param {Field} field */
function edited(field) {
  if (field instanceof HTMLInputElement && (field.type === "checkbox" || field.type === "radio"))
    return field.checked !== field.defaultChecked;
  const typed = field.dataset.typed !== undefined; // then its markup holds what was typed, and at first it was empty
  if (field instanceof HTMLTextAreaElement) return field.value !== (typed ? "" : field.defaultValue);
  if (field instanceof HTMLInputElement) return field.value !== (typed ? "" : valueAtFirst(field));
  const options = [...field.options];
  if (field.multiple) return options.some((option) => option.selected !== option.defaultSelected);
  const marked = typed ? -1 : options.findLastIndex((option) => option.defaultSelected);
  const atFirst = marked >= 0 ? marked : options.findIndex((option) => !option.disabled);
  return field.selectedIndex !== atFirst;
}

// A slider or a colour has a value that nobody wrote into its markup.
/** @param {HTMLInputElement} field */
function valueAtFirst(field) {
  if (field.type !== "range" && field.type !== "color") return field.defaultValue;
  const twin = document.createElement("input");
  for (const name of ["type", "min", "max", "step", "value"]) {
    const value = field.getAttribute(name);
    if (value !== null) twin.setAttribute(name, value);
  }
  return twin.value;
}
