// What was done, and what came of it.
import { el } from "./dom.js";
import { arrow, list, slotName, took } from "./words.js";

/** @type {Record<string, string>} */
const HOW = {
  here: "healed here",
  elsewhere: "healed by another program",
  "by itself": "healed by itself",
  replaced: "replaced",
};
/** @type {Record<string, string>} */
const WHO = { everyone: "", tester: "the tester’s " };

/**
 * @param {HTMLOListElement} root
 * @param {Entry[]} entries
 */
export function drawEntries(root, entries) {
  /** @type {Map<string, HTMLElement>} */
  const there = new Map(
    [...root.children].map((each) => [
      /** @type {HTMLElement} */ (each).dataset.number ?? "",
      /** @type {HTMLElement} */ (each),
    ]),
  );
  const wanted = entries.map((entry) => {
    const text = JSON.stringify(entry);
    const old = there.get(String(entry.number));
    if (old?.dataset.text === text) return old;
    const made = draw(entry);
    made.dataset.text = text;
    return made;
  });
  if (wanted.length !== root.children.length || wanted.some((each, place) => root.children[place] !== each))
    root.replaceChildren(...wanted);
}

/** @param {Entry} entry */
function draw(entry) {
  const clock = new Date(entry.at_ms).toLocaleTimeString("en-GB");
  const on = entry.lasted_ms === null;
  const badge = on ? "on" : `${HOW[entry.how] ?? entry.how} after ${took(entry.lasted_ms ?? 0)}`;
  const head = el(
    "p",
    { class: "what" },
    el("time", { datetime: new Date(entry.at_ms).toISOString() }, clock),
    el("strong", {}, arrow(entry.hop)),
    el("span", { class: "words" }, entry.words),
    el("span", { class: "whom" }, `for ${entry.whom}${entry.by === "elsewhere" ? ", by another program" : ""}`),
    el("span", { class: "badge", "data-on": on ? "" : null }, badge),
  );
  const outcomes = entry.changes.map((change) => outcome(change, entry));
  const untouched = entry.untouched.filter((each) => each.viewer === "everyone" || entry.scope === "session");
  if (untouched.length) outcomes.push(still(untouched, !entry.closed));
  return el(
    "li",
    { class: "entry", "data-number": String(entry.number), "data-on": on ? "" : null },
    head,
    el("ul", { class: "outcomes" }, ...outcomes),
  );
}

/** @param {Entry["changes"][number]} change @param {Entry} entry */
function outcome(change, entry) {
  const name = `${WHO[change.viewer] ?? ""}${slotName(change.slot)}`;
  const steps = change.steps.map((step) => {
    const when = step.healed_ms === null ? `after ${took(step.after_ms)}` : `${took(step.healed_ms)} after the end`;
    const back = step.state === "fresh";
    return el(
      "span",
      { class: "step", "data-slot-state": step.state },
      `${back ? "fresh again" : step.state}${step.reason && !back ? ` (${step.reason})` : ""} ${when}`,
    );
  });
  const last = change.steps.at(-1);
  const waits =
    last && last.state !== "fresh" && !entry.closed
      ? [el("span", { class: "step", "data-slot-state": "wait" }, "…")]
      : [];
  return el("li", { class: "outcome" }, el("b", {}, name), ...steps, ...waits);
}

/** @param {Entry["untouched"]} untouched @param {boolean} yet */
function still(untouched, yet) {
  const names = untouched.map((each) => `${WHO[each.viewer] ?? ""}${slotName(each.slot)}`);
  return el("li", { class: "outcome still" }, `${list(names)} did not change${yet ? " so far" : ""}.`);
}
