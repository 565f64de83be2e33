// Where each slot stands on an open page, and how large the page is. A slot without a box of its own is as large as
// what is in it.
() => {
  const { scrollWidth: width, scrollHeight: height } = document.documentElement;
  const places = {};
  for (const slot of document.querySelectorAll("fragment-slot[data-state]")) {
    const range = document.createRange();
    range.selectNodeContents(slot.shadowRoot ?? slot);
    const own = slot.getBoundingClientRect();
    const box = own.width ? own : range.getBoundingClientRect();
    const at = [box.x + scrollX, box.y + scrollY, box.width, box.height];
    places[slot.getAttribute("slot") ?? ""] = at.map(Math.round);
  }
  return { width, height, places };
}
