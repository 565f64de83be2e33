// What became of a command stays on the page until its player goes on, and then it ends.
//
// A command with a receipt has it in its slot's address: whoever reads the slot again reads the outcome too. Any other
// outcome is in the action's own answer alone, so that slot is not read over until the player sends a form of it
// again, closes the outcome or leaves the page. Inside a fragment `data-outcome` is what speaks of a command,
// `data-close` closes it, and `data-ends="engine"` ends by itself when that feed is back.

import { forgetReceipt, keepQuestion } from "./address.js";
import { findAll, slotAround } from "./roots.js";
import { contentOf } from "./swap.js";
import { keepTyped } from "./typing.js";

/** @param {HTMLElement} slot */
export function holdsOutcome(slot) {
  return slot.dataset.outcome === "shown";
}

/** @param {HTMLElement} slot */
export function endOutcome(slot) {
  delete slot.dataset.outcome;
}

// `incoming` is the answer to a form of `slot`.
/** @param {HTMLElement} slot @param {HTMLElement} incoming */
export function markOutcome(slot, incoming) {
  const query = new URLSearchParams(incoming.dataset.query ?? "");
  if (!query.has(`${incoming.getAttribute("slot")}.receipt`)) incoming.dataset.outcome = "shown";
  keepQuestion(slot, incoming);
  keepTyped(slot, contentOf(incoming));
}

// `feed` answers again: what said that it does not is over.
/** @param {HTMLElement} slot @param {string} feed */
export function feedIsBack(slot, feed) {
  for (const outcome of findAll(contentOf(slot), `[data-outcome][data-ends~="${CSS.escape(feed)}"]`)) {
    outcome.remove();
    endOutcome(slot);
  }
}

// Closing is a link to the page without the outcome; with a script only that part goes, and nothing typed elsewhere.
// `readAgain(slot)` asks for the slot as it is without it.
/** @param {(slot: HTMLElement) => void} readAgain */
export function watchClosing(readAgain) {
  document.addEventListener("click", (event) => {
    const pressed = event.composedPath().find(isCloser);
    const outcome = pressed?.closest("[data-outcome]");
    const slot = pressed && slotAround(pressed);
    if (!outcome || !slot) return;
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    outcome.remove();
    endOutcome(slot);
    forgetReceipt(slot);
    slot.tabIndex = -1;
    slot.focus({ preventScroll: true });
    readAgain(slot);
  });
}

/** @param {EventTarget} target @returns {target is Element} */
function isCloser(target) {
  return target instanceof Element && target.matches("a[data-close]");
}
