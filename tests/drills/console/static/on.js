// What is on at the moment, with how long it lasts: one line a fault, and a click that heals.
import { el, spaced, text } from "./dom.js";
import { arrow, left } from "./words.js";

export class On {
  /**
   * @param {HTMLUListElement} root
   * @param {HTMLElement} none shown where nothing is on
   * @param {(hop: string) => void} heal
   */
  constructor(root, none, heal) {
    this.root = root;
    this.none = none;
    this.heal = heal;
    this.shape = "";
  }

  /** @param {Hop[]} hops @param {number} ageS how long ago they were so */
  update(hops, ageS) {
    const on = hops.flatMap((hop) => hop.faults.map((fault) => ({ hop: hop.name, fault })));
    const shape = on.map(({ hop, fault }) => [hop, fault.words, fault.whom].join()).join(";");
    if (shape !== this.shape) {
      this.shape = shape;
      this.root.replaceChildren(...on.map(({ hop, fault }) => this.line(hop, fault)));
    }
    this.none.hidden = on.length > 0;
    for (const [place, { fault }] of on.entries()) this.tick(this.root.children[place], fault, fault.left_s - ageS);
  }

  /** @param {string} hop @param {FaultOn} fault */
  line(hop, fault) {
    const button = el("button", { type: "button", "aria-label": `Heal ${hop.replace(":", " to ")}` }, "Heal");
    button.addEventListener("click", () => this.heal(hop));
    return el(
      "li",
      {},
      ...spaced(
        el("strong", {}, arrow(hop)),
        el("span", {}, fault.words),
        el("span", { class: "whom" }, `for ${fault.whom}`),
        el("span", { class: "time-left", "aria-hidden": "true" }, el("i")),
        el("time", {}),
        button,
      ),
    );
  }

  /** @param {Element | undefined} line @param {FaultOn} fault @param {number} seconds */
  tick(line, fault, seconds) {
    const [share, time] = [line?.querySelector("i"), line?.querySelector("time")];
    if (!share || !time) return;
    text(time, left(seconds));
    const whole = fault.lasts_s ?? Math.max(seconds, 1);
    share.style.width = `${Math.min(100, Math.max(0, (100 * seconds) / whole))}%`;
  }
}
