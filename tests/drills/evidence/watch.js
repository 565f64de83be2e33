// Runs in the tester's and the control's page before any script of theirs: tells each change of a slot's state as it
// comes. A slot stands in the document's own tree, so a figure that moves inside a shadow root costs nothing here.
(() => {
  if (window !== window.top) return;
  const WORDS_MAX = 240;
  const SETTLED_MS = 50; // an element is met before the text in it has been parsed
  const states = new Map();
  const read = (slot) => {
    const root = slot.shadowRoot ?? slot;
    const status = root.querySelectorAll("[role=status]");
    const from = status.length ? [...status] : [...root.children];
    const text = from.map((element) => element.innerText ?? "").join(" ");
    return text.replace(/\s+/g, " ").trim().slice(0, WORDS_MAX);
  };
  const tell = (change, element) => {
    setTimeout(() => window.drillTransition?.({ ...change, words: element ? read(element) : "" }), SETTLED_MS);
  };
  const look = () => {
    const at = performance.timeOrigin + performance.now();
    const origin = performance.timeOrigin;
    for (const element of document.querySelectorAll("fragment-slot[data-state]")) {
      const { state, reason = "", ms = "" } = element.dataset;
      const slot = element.getAttribute("slot") ?? "";
      const key = `${state} ${reason}`;
      if (states.get(slot) === key) continue;
      states.set(slot, key);
      tell({ at, origin, slot, state, reason, ms }, element);
    }
  };
  const lookForAbsent = () => {
    look();
    const at = performance.timeOrigin + performance.now();
    const places = document.querySelector("page-layout")?.shadowRoot?.querySelectorAll("slot[name]") ?? [];
    for (const place of places) {
      if (states.has(place.name)) continue;
      states.set(place.name, "absent");
      tell({ at, origin: performance.timeOrigin, slot: place.name, state: "absent", reason: "", ms: "" }, null);
    }
  };
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: ["data-state", "data-reason"],
  });
  addEventListener("DOMContentLoaded", lookForAbsent);
})();
