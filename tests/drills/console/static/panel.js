// One hop: how it is, what is on, and in which way it shall be broken.
import { call } from "./api.js";
import { byId, el, say, set, text } from "./dom.js";
import { Parameters } from "./parameters.js";
import { arrow, left, rate } from "./words.js";

/** @type {Record<string, string>} */
const LAYERS = {
  tcp: "Bytes on their way",
  http: "HTTP answers",
  websocket: "WebSocket messages",
  events: "Events of the broker",
  listener: "Whether anybody listens",
};
/** @type {Record<string, string>} */
const STREAMS = { downstream: "On the way back, to the caller", upstream: "On the way there, to the called" };
/** @type {[string, string][]} */
const PRESETS = [
  ["latency", "Slow"],
  ["down", "Down"],
  ["reset_peer", "Reset"],
  ["status", "503"],
  ["silence", "Silent"],
];

export class Panel {
  /** @param {(words: string) => void} done @param {() => Promise<void>} look */
  constructor(done, look) {
    this.done = done;
    this.look = look;
    this.dialog = byId("panel", HTMLDialogElement);
    this.fault = byId("panel-fault", HTMLSelectElement);
    this.stream = byId("panel-stream-value", HTMLSelectElement);
    this.scope = byId("panel-scope", HTMLFieldSetElement);
    this.presets = byId("panel-presets", HTMLFieldSetElement);
    this.problem = byId("panel-problem", HTMLElement);
    this.seconds = byId("panel-for", HTMLInputElement);
    this.share = byId("panel-share-value", HTMLInputElement);
    this.parameters = new Parameters(byId("panel-parameters", HTMLElement));
    /** @type {Catalogue | null} */
    this.catalogue = null;
    this.hop = "";
    this.fault.addEventListener("change", () => this.chosen());
    this.presets.addEventListener("change", (event) => {
      this.fault.value = /** @type {HTMLInputElement} */ (event.target).value;
      this.chosen();
    });
    this.scope.addEventListener("change", () => this.scoped());
    byId("panel-close", HTMLButtonElement).addEventListener("click", () => this.dialog.close());
    byId("panel-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.break().catch((problem) => say(this.problem, problem.message));
    });
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.dialog.close();
    });
  }

  /** @param {Hop} hop @param {SystemState["sessions"]} sessions */
  async open(hop, sessions) {
    this.hop = hop.name;
    say(this.problem, "");
    text(byId("panel-title", HTMLElement), arrow(hop.name));
    byId("panel-fields", HTMLElement).hidden = byId("panel-break", HTMLElement).hidden = hop.state === "absent";
    this.update(hop, 0);
    if (hop.state !== "absent") {
      this.catalogue ??= await call("catalogue");
      this.offer(hop, sessions);
    }
    if (!this.dialog.open) this.dialog.showModal();
  }

  /** Which ways there are for this hop. @param {Hop} hop @param {SystemState["sessions"]} sessions */
  offer(hop, sessions) {
    const catalogue = /** @type {Catalogue} */ (this.catalogue);
    const names = catalogue.applicable[hop.name] ?? [];
    const faults = catalogue.faults.filter((fault) => names.includes(fault.name));
    const groups = Object.entries(LAYERS).map(([layer, label]) => {
      const options = faults
        .filter((fault) => fault.layer === layer)
        .map((fault) => el("option", { value: fault.name }, fault.name));
      return options.length ? [el("optgroup", { label }, ...options)] : [];
    });
    this.fault.replaceChildren(...groups.flat());
    const presets = PRESETS.filter(([name]) => names.includes(name)).map(([name, label]) =>
      el("label", {}, el("input", { type: "radio", name: "preset", value: name }), el("span", {}, label)),
    );
    this.presets.replaceChildren(/** @type {Element} */ (this.presets.firstElementChild), ...presets);
    set(this.seconds, "max", String(catalogue.for_s.most));
    const session = /** @type {HTMLInputElement} */ (this.scope.querySelector("[value=session]"));
    session.disabled = !sessions.there || !hop.marked;
    if (session.disabled && session.checked)
      /** @type {HTMLInputElement} */ (this.scope.querySelector("[value=everyone]")).checked = true;
    say(
      byId("panel-scope-why", HTMLElement),
      sessions.there && !hop.marked ? "No mark of a session travels here." : sessions.why,
    );
    this.chosen();
  }

  chosen() {
    const fault = this.catalogue?.faults.find((each) => each.name === this.fault.value);
    if (!fault) return;
    for (const input of this.presets.querySelectorAll("input")) input.checked = input.value === fault.name;
    text(byId("panel-claim", HTMLElement), fault.claim);
    this.parameters.offer(fault.parameters);
    this.stream.replaceChildren(
      ...fault.streams.map((stream) => el("option", { value: stream }, STREAMS[stream] ?? stream)),
    );
    const down = fault.layer === "listener";
    byId("panel-stream", HTMLElement).hidden = down || fault.streams.length < 2;
    this.scope.hidden = down;
    this.scoped();
  }

  scoped() {
    byId("panel-share", HTMLElement).hidden = this.scope.hidden || this.scopeValue !== "share";
  }

  get scopeValue() {
    return /** @type {HTMLInputElement} */ (this.scope.querySelector("input:checked")).value;
  }

  /** How the hop is, while the panel is open. @param {Hop | undefined} hop @param {number} ageS */
  update(hop, ageS) {
    if (!hop) return;
    const breakers = hop.breakers.map((each) => each.position.replace("_", " ")).join(", ");
    const facts = [
      ["Travels", hop.speaks.join(" and ") || "nothing"],
      ["Connections", String(hop.connections)],
      ["A second", rate(hop.per_s) || "not known"],
      ...(breakers ? [["Breaker", breakers]] : []),
      ...(hop.why ? [["Can not be broken", hop.why]] : []),
    ];
    byId("panel-facts", HTMLElement).replaceChildren(
      ...facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))),
    );
    const list = byId("panel-broken", HTMLUListElement);
    const shown = hop.faults.map((each) => `${each.words} for ${each.whom}`).join();
    if (list.dataset.shown !== shown) {
      list.dataset.shown = shown;
      list.replaceChildren(
        ...hop.faults.map((fault) => el("li", {}, el("b", {}, fault.words), ` for ${fault.whom}`, el("time", {}))),
      );
      if (hop.faults.length) list.append(el("li", {}, this.healer(hop.name)));
    }
    for (const [place, clock] of [...list.querySelectorAll("time")].entries())
      text(clock, left((hop.faults[place]?.left_s ?? 0) - ageS));
  }

  /** @param {string} hop */
  healer(hop) {
    const button = el("button", { type: "button", class: "button" }, "Heal it");
    button.addEventListener("click", () => this.heal(hop).catch((problem) => say(this.problem, problem.message)));
    return button;
  }

  /** @param {string} hop */
  async heal(hop) {
    await call("heal", { hop });
    this.dialog.close();
    this.done(`${arrow(hop)} is healed.`);
    await this.look();
  }

  async break() {
    const bad = /** @type {HTMLInputElement[]} */ ([...this.dialog.querySelectorAll("input")]).find(
      (input) => input.getClientRects().length && !input.checkValidity(),
    );
    if (bad) {
      say(this.problem, `${bad.labels?.[0]?.firstElementChild?.textContent ?? "A field"}: ${bad.validationMessage}`);
      bad.focus();
      return;
    }
    const down = this.scope.hidden;
    const scope = down ? "everyone" : this.scopeValue;
    await call("break", {
      hop: this.hop,
      fault: this.fault.value,
      attributes: this.parameters.values(),
      for_s: this.seconds.valueAsNumber,
      share: scope === "share" ? this.share.valueAsNumber / 100 : 1,
      session: scope === "session",
      stream: down ? "" : this.stream.value,
    });
    this.dialog.close();
    this.done(`${arrow(this.hop)} is broken.`);
    await this.look();
  }
}
