// What htmx asks for by itself, when an element is there or comes into view, comes to an end: the answer may bring an
// element that does the same, and that one another, for as long as the page stands open.

const IN_A_ROW_MAX = 10; // of one slot, without anybody doing anything
const TRIGGERS = ["hx-trigger", "data-hx-trigger"];
const FIRED_BY_ITSELF = new Set(["load", "revealed", "intersect"]);
const ASKS_BY_ITSELF = /(?:^|,)\s*(?:load|revealed|intersect)\b/;

/** @type {Map<string, number>} */
const inARow = new Map(); // slot name -> requests since somebody last did something
/** @type {WeakSet<Element>} */
const counted = new WeakSet(); // an element asks once by itself; a clock of its own (`every 5s`) is no loop

for (const name of ["pointerdown", "keydown", "wheel", "touchmove"]) {
  addEventListener(name, () => inARow.clear(), { capture: true, passive: true });
}

/** @param {(element: Element) => HTMLElement | null} slotAround */
export function endLoops(slotAround) {
  document.addEventListener("htmx:beforeRequest", (event) => {
    const { elt, requestConfig } = event.detail;
    const trigger = TRIGGERS.map((name) => elt.getAttribute(name) ?? "").join();
    const fired = requestConfig?.triggeringEvent;
    if (!ASKS_BY_ITSELF.test(trigger) || (fired && !FIRED_BY_ITSELF.has(fired.type)) || counted.has(elt)) return;
    counted.add(elt);
    const slot = slotAround(elt)?.slot ?? "";
    const before = inARow.get(slot) ?? 0;
    inARow.set(slot, before + 1);
    if (before < IN_A_ROW_MAX) return;
    event.preventDefault();
    if (before === IN_A_ROW_MAX)
      console.warn(
        `${slot}: what fires by itself asked ${before} times in a row and was stopped; use "every" for a clock`,
      );
  });
}
