// The system as it is: processes as cards in rows, and in each card the hops that lead out of it, as buttons.
import { el, set, text } from "./dom.js";
import { drawLines } from "./lines.js";
import { left, rate, sentence } from "./words.js";

/**
 * @typedef {object} HopView
 * @property {HTMLElement} place
 * @property {HTMLButtonElement} button
 * @property {HTMLElement} figure
 */

/** @type {[string, boolean][]} */
const ENTERS = [
  ["pointerenter", true],
  ["focusin", true],
  ["pointerleave", false],
  ["focusout", false],
];
// How much of a row of six a card takes, where it is not two: by how many stand in it.
/** @type {Record<number, string[]>} */
const WIDE = { 1: ["6"], 2: ["4"] };

export class Drawing {
  /**
   * @param {HTMLElement} root
   * @param {SVGSVGElement} svg
   * @param {(hop: string) => void} choose
   */
  constructor(root, svg, choose) {
    this.root = root;
    this.svg = svg;
    this.choose = choose;
    /** @type {Map<string, HopView>} */
    this.hops = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.nodes = new Map();
    this.shape = "";
    /** @type {Hop[]} */
    this.last = [];
    new ResizeObserver(() => this.lines()).observe(root);
  }

  /** @param {SystemState} system @param {number} ageS how long ago it was so */
  update(system, ageS) {
    const shape = JSON.stringify([
      system.rows.map((row) => row.nodes.map((node) => node.name)),
      system.hops.map((hop) => hop.name),
    ]);
    if (shape !== this.shape) {
      this.shape = shape;
      this.build(system);
    }
    for (const row of system.rows) for (const node of row.nodes) this.node(node);
    for (const hop of system.hops) this.hop(hop, ageS);
    this.last = system.hops;
    this.lines();
  }

  lines() {
    drawLines(this.svg, this.root, this.last, this.hops, this.nodes);
  }

  /** @param {SystemState} system */
  build(system) {
    for (const old of this.root.querySelectorAll(".row")) old.remove();
    this.hops.clear();
    this.nodes.clear();
    for (const row of system.rows.filter((each) => each.nodes.length)) {
      const cards = row.nodes.map((node, place) => {
        const card = this.card(
          node,
          system.hops.filter((hop) => hop.caller === node.name),
        );
        set(card, "data-wide", WIDE[row.nodes.length]?.[place] ?? null);
        return card;
      });
      const list = el("ul", { class: "cards" }, ...cards);
      this.root.append(el("div", { class: "row" }, el("h3", {}, row.title), list));
    }
  }

  /** @param {SystemNode} node @param {Hop[]} hops */
  card(node, hops) {
    const list = el(
      "ul",
      { class: "hops", "aria-label": `Hops of ${node.name}` },
      ...hops.map((hop) => this.place(hop)),
    );
    const name = el("p", { class: "name" }, node.name);
    const card = el("li", { class: "node" }, name, el("p", { class: "note" }), ...(hops.length ? [list] : []));
    this.nodes.set(node.name, card);
    return card;
  }

  /** @param {Hop} hop */
  place(hop) {
    const figure = el("span", { class: "figure" });
    const to = el("span", { class: "to" }, hop.called);
    const button = el("button", { type: "button", class: "hop", "data-hop": hop.name }, to, figure);
    const place = el("li", { class: "place" }, button);
    button.addEventListener("click", () => this.choose(hop.name));
    for (const [type, on] of ENTERS) place.addEventListener(type, () => this.highlight(hop.name, on));
    this.hops.set(hop.name, { place, button, figure });
    return place;
  }

  /** @param {string} hop @param {boolean} on */
  highlight(hop, on) {
    for (const path of this.svg.querySelectorAll("path"))
      if (path.dataset.hop === hop) set(path, "data-on", on ? "" : null);
    const called = this.nodes.get(hop.slice(hop.indexOf(":") + 1));
    if (called) set(called, "data-on", on ? "" : null);
  }

  /** @param {SystemNode} node */
  node(node) {
    const card = this.nodes.get(node.name);
    const note = card?.querySelector(".note");
    if (!card || !note) return;
    set(card, "data-source", node.source);
    const others = node.breakers.map((each) => `${each.upstream}: breaker ${each.position.replace("_", " ")}`);
    text(note, node.source === "unreachable" ? node.detail : others.join(", "));
  }

  /** @param {Hop} hop @param {number} ageS */
  hop(hop, ageS) {
    const view = this.hops.get(hop.name);
    if (!view) return;
    const moved = hop.breakers.find((each) => each.position !== "closed");
    const first = hop.faults.at(0);
    set(view.place, "data-state", hop.state);
    set(view.place, "data-breaker", moved?.position ?? (hop.breakers.length ? "closed" : null));
    set(view.button, "aria-label", sentence(hop));
    set(view.button, "title", hop.why || (moved ? `breaker ${moved.position.replace("_", " ")}` : null));
    text(view.figure, hop.state === "absent" ? "no wire" : first ? left(first.left_s - ageS) : rate(hop.per_s));
  }

  /** Puts the keyboard on a hop. @param {string} hop */
  focus(hop) {
    this.hops.get(hop)?.button.focus();
  }
}
