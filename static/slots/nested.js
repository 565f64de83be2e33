// A slot inside a slot: its element stands in the place that the fragment around it marks by `<slot name="cart">`. In a
// shadow root that is the light tree of the slot around it, which `data-inside` names; in a shared tree, the place itself.
// `data-places` names those that stand inside a slot.

import { slotAround } from "./roots.js";

/** @param {HTMLElement} around @param {string} name @returns {Element | null} */
function placeIn(around, name) {
  return around.shadowRoot ? around : around.querySelector(`slot[data-mullion-place][name="${CSS.escape(name)}"]`);
}

/** @param {HTMLElement} around @param {string} name @returns {HTMLElement | null} */
function innerSlot(around, name) {
  return around.querySelector(`fragment-slot[slot="${CSS.escape(name)}"]`);
}

/** @param {HTMLElement} slot */
function placesOf(slot) {
  return (slot.dataset.places ?? "").split(" ").filter(Boolean);
}

// Without losing what is typed, played or focused in it, where the browser can.
/** @param {Element} element @param {Element} place @param {Element | null} before */
function move(element, place, before = null) {
  const { moveBefore } = /** @type {{moveBefore?: typeof place.insertBefore}} */ (/** @type {unknown} */ (place));
  if (moveBefore && element.isConnected && place.isConnected) moveBefore.call(place, element, before);
  else place.insertBefore(element, before);
}

// Puts `incoming` where `slot` stands, and into it what stands in `slot`: that is another fragment's, and goes on.
/** @param {HTMLElement} slot @param {HTMLElement} incoming */
export function replaceAround(slot, incoming) {
  const inner = placesOf(incoming).map((name) => ({ name, element: innerSlot(slot, name) }));
  if (!inner.some(({ element }) => element)) return slot.replaceWith(incoming);
  slot.before(incoming);
  for (const { name, element } of inner) {
    const place = placeIn(incoming, name);
    if (element && place) move(element, place);
  }
  slot.remove();
}

// What belongs to `slot` itself and to no slot inside it, which in a shared tree stand in the same one.
/** @template {Element} T @param {HTMLElement} slot @param {Iterable<T>} elements */
export function ownOf(slot, elements) {
  const every = [...elements];
  return slot.dataset.places && !slot.shadowRoot ? every.filter((each) => slotAround(each) === slot) : every;
}

// A slot that was not ready when the one around it was sent comes later, behind it: it takes the place of what stands in
// for it. Whether it stands where it belongs; `isTaken` says of what stood in that it is somebody's by then.
/** @param {HTMLElement} slot @param {(slot: HTMLElement) => boolean} isTaken */
export function takePlace(slot, isTaken) {
  const { inside } = slot.dataset;
  if (!inside || slot.parentElement?.localName !== "page-layout") return true;
  const around = document.getElementById(`slot-${inside}`);
  const before = around && innerSlot(around, slot.slot);
  const place = before?.parentElement ?? (around && placeIn(around, slot.slot));
  if (!place || (before && (before.dataset.state === "fresh" || isTaken(before)))) {
    slot.remove();
    return false;
  }
  move(slot, place, before);
  before?.remove();
  return true;
}

// The places of `around` in which no slot stands: (the place, the name of the slot).
/** @param {HTMLElement} around */
export function emptyPlaces(around) {
  return placesOf(around).flatMap((name) => {
    const place = innerSlot(around, name) ? null : placeIn(around, name);
    return place ? [{ place, name }] : [];
  });
}
