// One command has one truth on a page: whatever cards show it, they say what the latest of their answers says.
//
// `data-command="<id>"` names it and `data-command-step="<n>"` how far it had come when the card was made.
// `data-command-shows="state"` is which of its words the card shows; each card has all of them: `data-state`,
// `data-sentence`.

const asked = new Map(); // slot name -> "id step" that it was asked to catch up with

// Called whenever a slot is new on the page. `readAgain(slot)` asks for one that is behind, for all that words are not.
export function agreeOnCommands(readAgain) {
  const cards = [...document.querySelectorAll("fragment-slot")].flatMap((slot) =>
    [...(slot.shadowRoot ?? slot).querySelectorAll("[data-command]")].map((element) => ({ slot, element })),
  );
  for (const command of new Set(cards.map(({ element }) => element.dataset.command))) {
    const group = cards.filter(({ element }) => element.dataset.command === command);
    const step = ({ element }) => Number(element.dataset.commandStep);
    const latest = group.reduce((most, card) => (step(card) > step(most) ? card : most));
    for (const card of group) if (step(card) < step(latest)) follow(card, latest.element, readAgain);
  }
}

function follow({ slot, element }, latest, readAgain) {
  const { command, commandStep, state = "", sentence = "" } = latest.dataset;
  const words = { state, sentence }[element.dataset.commandShows];
  if (words !== undefined) element.textContent = words;
  Object.assign(element.dataset, { commandStep, state, sentence });
  const what = `${command} ${commandStep}`;
  if (asked.get(slot.slot) === what) return;
  asked.set(slot.slot, what);
  readAgain(slot);
}
