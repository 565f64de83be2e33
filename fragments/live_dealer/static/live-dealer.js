// Keeps the chip that the player chose, whatever brings the slip anew. Without it a bet leaves its own chip chosen, and a
// slip that is read again begins with the smallest.

let chosen = ""; // one page shows one table

/** @type {Mount} */
export default function mount(root, { signal }) {
  /** @type {NodeListOf<HTMLInputElement>} */
  const chips = root.querySelectorAll('input[name="stake"][type="radio"]');
  // A chip that is chosen counts as the form's own: nothing is lost with it, so it does not hold up a newer slip.
  const settle = () => {
    for (const chip of chips) chip.defaultChecked = chip.checked;
  };
  // What was chosen before this script came counts too.
  const checked = [...chips].find((chip) => chip.checked);
  if (checked && (!chosen || !checked.defaultChecked)) chosen = checked.value;
  const mine = [...chips].find((chip) => chip.value === chosen);
  if (mine) mine.checked = true;
  settle();
  for (const chip of chips) {
    const choose = () => {
      chosen = chip.value;
      settle();
    };
    chip.addEventListener("change", choose, { signal });
  }
}

// A slot of the shell calls `mount` and stands in a shadow root. In a page of another layout nobody does, so it is done here.
for (const frame of document.querySelectorAll(".frame-live-dealer")) {
  if (frame instanceof HTMLElement && !frame.closest("fragment-slot"))
    mount(frame, { signal: new AbortController().signal });
}
