// What a page says of its slots to who can not see them: one polite sentence when that changes, not one at each retry.
// The sentences stand in the page, in its language.

const SETTLED_MS = 1200; // slots of one outage fall and heal one after the other: that is one thing to say

/** @type {number | undefined} */
let timer;
let announced = "";

export function announceStates() {
  clearTimeout(timer);
  timer = setTimeout(say, SETTLED_MS);
}

function say() {
  const place = document.getElementById("slot-states");
  if (!place) return;
  /** @type {NodeListOf<HTMLElement>} */
  const slots = document.querySelectorAll("fragment-slot[data-state]");
  const away = [...slots].filter(({ dataset }) => dataset.state !== "fresh" && !dataset.outcome).length;
  const { well = "", one = "", some = "" } = place.dataset;
  const words = away === 0 ? announced && well : away === 1 ? one : some.replace("#", String(away));
  if (words === announced) return;
  announced = words;
  place.textContent = words;
}

/** @type {Map<string | undefined, string>} */
const newest = new Map(); // prefix -> what its last answer held

// Whether an answer says again what the slot says already; then it keeps its elements, and a screen reader its peace.
/** @param {HTMLElement} slot @param {HTMLElement} incoming */
export function saysTheSame(slot, incoming) {
  const before = newest.get(slot.dataset.prefix);
  newest.set(slot.dataset.prefix, incoming.innerHTML);
  const { state } = incoming.dataset;
  if (before !== incoming.innerHTML || state === "fresh" || state !== slot.dataset.state) return false;
  for (const { name, value } of incoming.attributes) slot.setAttribute(name, value);
  return true;
}

// An answer that was not shown after all is not what the slot says.
/** @param {HTMLElement} slot */
export function forgetAnswer(slot) {
  newest.delete(slot.dataset.prefix);
}
