// One command has one truth on a page: whatever cards show it, they say what the latest of their answers says.
//
// `data-command="<id>"` names it and `data-command-step="<n>"` how far it had come when the card was made.
// `data-command-shows="state"` is which of its words the card shows; each card has all of them: `data-state`,
// `data-sentence`.

import { findAll } from "./roots.js";

const requested = new Map(); // slot name -> "id step" that it was asked to catch up with

/** @typedef {{slot: HTMLElement, element: HTMLElement}} Card */

// Called whenever a slot is new on the page. `readAgain(slot)` asks for one that is behind, for all that words are not.
/** @param {(slot: HTMLElement) => void} readAgain */
export function agreeOnCommands(readAgain) {
  const cards = [...document.querySelectorAll("fragment-slot")].flatMap(cardsOf);
  for (const command of new Set(cards.map(({ element }) => element.dataset.command))) {
    const group = cards.filter(({ element }) => element.dataset.command === command);
    /** @param {Card} card */
    const step = ({ element }) => Number(element.dataset.commandStep);
    const latest = group.reduce((most, card) => (step(card) > step(most) ? card : most));
    for (const card of group) if (step(card) < step(latest)) follow(card, latest.element, readAgain);
  }
}

/** @param {HTMLElement} slot @returns {Card[]} */
function cardsOf(slot) {
  /** @type {HTMLElement[]} */
  const elements = findAll(slot.shadowRoot ?? slot, "[data-command]");
  return elements.map((element) => ({ slot, element }));
}

/** @param {Card} card @param {HTMLElement} latest @param {(slot: HTMLElement) => void} readAgain */
function follow({ slot, element }, latest, readAgain) {
  const { command, commandStep, state = "", sentence = "" } = latest.dataset;
  const shows = element.dataset.commandShows;
  const words = shows === "state" ? state : shows === "sentence" ? sentence : undefined;
  if (words !== undefined) element.textContent = words;
  Object.assign(element.dataset, { commandStep, state, sentence });
  const what = `${command} ${commandStep}`;
  if (requested.get(slot.slot) === what) return;
  requested.set(slot.slot, what);
  readAgain(slot);
}
