// The lobby beside the drawing: this browser's own, in a frame, with or without the tester's mark.
import { call } from "./api.js";
import { byId, el, say, set } from "./dom.js";

export class Lobby {
  /** @param {(problem: unknown) => void} failed */
  constructor(failed) {
    this.failed = failed;
    this.viewer = byId("viewer", HTMLFieldSetElement);
    this.why = byId("viewer-why", HTMLElement);
    this.slots = byId("slots", HTMLUListElement);
    this.box = byId("frame", HTMLElement);
    this.wait = byId("frame-wait", HTMLElement);
    this.tab = byId("lobby-tab", HTMLAnchorElement);
    this.follow = byId("lobby-follow", HTMLInputElement);
    /** @type {number | null} */
    this.newest = null;
    this.page = "";
    this.due = false;
    /** @type {boolean | null} */
    this.wanted = null;
    /** @type {HTMLIFrameElement | null} */
    this.frame = null;
    this.pages = "";
    byId("lobby-reload", HTMLButtonElement).addEventListener("click", () => this.reload());
    this.viewer.addEventListener("change", () => this.carry().catch(failed));
  }

  /** @param {SystemState} system */
  update(system) {
    const { there, why, tester } = system.sessions;
    // What was chosen stands until the console has heard of it: a look that was under way knows nothing of it.
    if (this.wanted === tester) this.wanted = null;
    for (const input of this.viewer.querySelectorAll("input")) {
      if (input.value === "tester") input.disabled = !there;
      if (this.wanted === null) input.checked = input.value === (tester ? "tester" : "everyone");
    }
    say(this.why, why);
    this.drawSlots(system.slots[tester ? "tester" : "everyone"] ?? {});
    this.pages = system.pages;
    set(this.tab, "href", system.pages ? `${system.pages}/` : null);
    if (!system.pages) say(this.wait, "This copy runs without a shell, so there is no page to show.");
    const page = system.slots[tester ? "tester" : "everyone"]?.page?.state ?? "";
    // What the browser shows where no page came does not heal by itself.
    const back = page === "fresh" && this.page !== "" && this.page !== "fresh";
    this.page = page;
    const newest = system.history[0]?.number ?? 0;
    // A page that stands keeps what it has; whoever comes now sees what is broken.
    const began = this.newest !== null && newest > this.newest && this.follow.checked;
    this.newest = newest;
    // Where pages may not be framed at this moment, it waits until they may: a page that is refused stays refused.
    this.due ||= !this.frame || began || back;
    if (system.framed && this.due) this.reload();
  }

  /** @param {Record<string, { state: string, reason: string }>} slots */
  drawSlots(slots) {
    const shown = Object.entries(slots).map(([slot, { state, reason }]) =>
      el(
        "li",
        { "data-slot-state": state },
        el("b", {}, slot),
        ` ${slot === "page" && state === "fresh" ? "whole" : state}${reason ? `, ${reason}` : ""}`,
      ),
    );
    const before = this.slots.innerHTML;
    const made = el("ul", {}, ...shown);
    if (made.innerHTML !== before) this.slots.replaceChildren(...made.children);
  }

  async carry() {
    const chosen = /** @type {HTMLInputElement | null} */ (this.viewer.querySelector("input:checked"));
    this.wanted = chosen?.value === "tester";
    try {
      await call("tester", { on: this.wanted });
    } catch (problem) {
      this.wanted = null;
      throw problem;
    }
    this.reload();
  }

  reload() {
    if (!this.pages) return;
    this.due = false;
    const sandbox = "allow-scripts allow-same-origin allow-forms allow-popups";
    const frame = el("iframe", { title: "The lobby", sandbox, src: `${this.pages}/` });
    this.frame?.remove();
    this.frame = frame;
    this.box.append(frame);
    this.wait.hidden = true;
  }
}
