// What a page offers only while a feed is live. A form, or anything around some, says `data-needs="engine tables"`; with
// `data-needs-while="ledger"` it only counts while that one is live itself. As soon as a feed is heard to be silent
// the buttons inside are off and the words for it (`data-paused-words="engine" data-words="…"`) stand there, also where somebody is
// typing and the slot itself can not be read again.

/** @typedef {{element: HTMLElement, feeds: string[], unless: string[]}} Part */

export class Needs {
  /** @type {Part[]} */
  #parts;
  /** @type {Set<string>} */
  #paused = new Set(); // feeds that are heard to be silent

  /** @param {FragmentRoot} root */
  constructor(root) {
    /** @type {NodeListOf<HTMLElement>} */
    const elements = root.querySelectorAll("[data-needs]");
    this.#parts = [...elements].map((element) => ({
      element,
      feeds: listed(element.dataset.needs),
      unless: listed(element.dataset.needsWhile),
    }));
  }

  get feeds() {
    return this.#parts.flatMap(({ feeds, unless }) => [...feeds, ...unless]);
  }

  // A feed's state as it is heard. Returns whether it is back after it was away.
  /** @param {string} feed @param {Freshness | undefined} state */
  hear(feed, state) {
    if (!this.feeds.includes(feed)) return false;
    const back = state === "live" && this.#paused.delete(feed);
    if (state !== "live") this.#paused.add(feed);
    if (back || state !== "live") {
      for (const part of this.#parts) this.#apply(part);
      this.#announceOne();
    }
    return back;
  }

  /** @param {Part} part */
  #apply({ element, feeds, unless }) {
    const away = unless.some((feed) => this.#paused.has(feed))
      ? undefined
      : feeds.find((feed) => this.#paused.has(feed));
    for (const button of element.querySelectorAll("button")) {
      if (away && !button.disabled) button.dataset.paused = "";
      if (button.dataset.paused === undefined) continue;
      button.disabled = Boolean(away);
      if (!away) delete button.dataset.paused;
    }
    for (const words of pausedWordsIn(element)) {
      words.hidden = words.dataset.pausedWords !== away;
      if (words.dataset.words) words.textContent = words.hidden ? "" : words.dataset.words;
    }
  }

  // Several forms of one fragment close for one reason, which is said to who can not see them once.
  #announceOne() {
    const all = this.#parts.flatMap(({ element }) => [...pausedWordsIn(element)]);
    const first = all.find((words) => !words.hidden);
    for (const words of all) words.removeAttribute("role");
    first?.setAttribute("role", "status");
  }
}

/** @param {HTMLElement} element @returns {NodeListOf<HTMLElement>} */
function pausedWordsIn(element) {
  return element.querySelectorAll("[data-paused-words]");
}

/** @param {string | undefined} value */
function listed(value) {
  return (value ?? "").split(" ").filter(Boolean);
}
