// Places of the layout that the page's stream left empty, or filled by half: it was cut, or has come to a halt.
//
// A browser need not say that a page was cut: Chromium then stays "loading" for ever, without any event. So the end of
// parsing is one moment to look, and when nothing has arrived for a while is another. A stream that was only slow may
// still bring its own slots after that; one of the two is kept.

import { emptyPlaces } from "./nested.js";

const LOOK_MS = 1000;
const QUIET_LOOKS = 3; // the shell gives a page one second for all of its slots
const STYLED_LOOKS = 10; // while the layout's own styles load, a browser stands still by itself
let startsOver = false;

// `isTaken(slot)`: a whole fragment, or one that is asked for already. `take(slot)` asks for it.
/** @typedef {(slot: HTMLElement) => boolean} IsTaken */
/** @typedef {(slot: HTMLElement) => void} Take */

/** @param {IsTaken} isTaken @param {Take} take */
export function watchPlaces(isTaken, take) {
  const look = () => {
    clearInterval(timer);
    lookAround(isTaken, take);
  };
  let before = "";
  let quiet = 0;
  const timer = setInterval(() => {
    const now = arrived(isTaken);
    quiet = now === before ? quiet + 1 : 0;
    before = now;
    if (quiet >= (waitsForStyles() ? STYLED_LOOKS : QUIET_LOOKS)) look();
  }, LOOK_MS);
  if (document.readyState === "loading") document.addEventListener("readystatechange", look, { once: true });
  else look();
}

// How far the parser has come: its slots, and how much there is of the one that is not whole.
/** @param {IsTaken} isTaken */
function arrived(isTaken) {
  const slots = [...document.querySelectorAll("fragment-slot")];
  return slots.map((slot) => (isTaken(slot) ? "" : (slot.shadowRoot ?? slot).querySelectorAll("*").length)).join();
}

function waitsForStyles() {
  const link = document.querySelector("page-layout:empty")?.shadowRoot?.querySelector("link");
  return link != null && !link.sheet;
}

/** @param {IsTaken} isTaken @param {Take} take */
function lookAround(isTaken, take) {
  const first = document.querySelector("main > *");
  const layout = document.querySelector("page-layout");
  // Behind its layout a page has a line break at least. A browser that still waits for the layout's styles when the
  // page is cut throws the rest of it away.
  if (!first || (layout && !layout.firstChild)) {
    if (!startsOver) startOver();
    startsOver = true; // to leave is to end the parsing, too
    return;
  }
  if (!layout) return;
  for (const place of layout.shadowRoot?.querySelectorAll("slot") ?? []) {
    const [slot = standIn(layout, place.name)] = place.assignedElements();
    if (slot instanceof HTMLElement && !isTaken(slot)) take(slot);
  }
  /** @type {NodeListOf<HTMLElement>} */
  const inner = document.querySelectorAll("fragment-slot[data-inside]");
  for (const slot of inner) if (!isTaken(slot)) take(slot);
  // One that was cut itself comes again, and its places with it.
  /** @type {NodeListOf<HTMLElement>} */
  const whole = document.querySelectorAll("fragment-slot[data-places][data-whole]");
  for (const around of whole) fillPlaces(around, isTaken, take);
}

// A slot around others has come without them: each asks for itself.
/** @param {HTMLElement} around @param {IsTaken} isTaken @param {Take} take */
export function fillPlaces(around, isTaken, take) {
  const layout = document.querySelector("page-layout");
  if (!layout) return;
  for (const { place, name } of emptyPlaces(around)) {
    const slot = standIn(layout, name, place);
    if (!isTaken(slot)) take(slot);
  }
}

// Nothing is there that could be lost, so the page is opened once more as soon as the shell answers.
async function startOver() {
  const answers = await fetch(location.href, { method: "HEAD", cache: "no-store" }).then(
    (answer) => answer.status < 500,
    () => false,
  );
  if (answers) location.replace(location.pathname + location.search);
  else setTimeout(startOver, LOOK_MS * (1 + QUIET_LOOKS * Math.random()));
}

// It asks for the place and stands in none itself, so that the skeleton stays until the answer takes its turn.
/** @param {HTMLElement} layout @param {string} name @param {Element} [place] @returns {HTMLElement} */
function standIn(layout, name, place = layout) {
  /** @type {HTMLElement | null} */
  const existing = place.querySelector(`:scope > [data-place="${name}"]`);
  if (existing) return existing;
  const slot = document.createElement("fragment-slot");
  slot.hidden = true;
  slot.dataset.place = name;
  slot.dataset.prefix = `${layout.dataset.prefix}/${name}`;
  slot.dataset.query = location.search.slice(1);
  const query = [slot.dataset.query, "attempt=1"].filter(Boolean).join("&");
  const swap = { "hx-get": `${slot.dataset.prefix}?${query}`, "hx-trigger": "mullion:swap", "hx-target": "this" };
  for (const [attribute, value] of Object.entries({ ...swap, "hx-swap": "outerHTML" })) {
    slot.setAttribute(attribute, value);
  }
  place.append(slot);
  return slot;
}

// Called when `slot` has become whole: a place holds one, and whoever has it first may be at work in it.
/** @param {HTMLElement} slot */
export function keepOne(slot) {
  queueMicrotask(() => {
    if (!slot.isConnected) return; // within a swap both stand side by side for an instant
    for (const other of slot.parentElement?.children ?? []) {
      if (other.getAttribute("data-place") === slot.slot) other.remove();
      else if (other !== slot && other.slot === slot.slot) return slot.remove();
    }
  });
}
