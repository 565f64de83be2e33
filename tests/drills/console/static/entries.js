// What was done, and what came of it.
import { el, spaced } from "./dom.js";
import { arrow, list, slotName, took } from "./words.js";

/** @type {Record<string, string>} */
const HOW = {
  here: "healed here",
  elsewhere: "healed by another program",
  "by itself": "healed by itself",
  replaced: "replaced",
};
// Of more than these only the number is said.
const NAMED_MAX = 3;
/** @type {Record<string, string>} */
const FOR = { everyone: " for everyone else", tester: " for the tester" };

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
    // One that is on grows with the time: its bar is drawn anew each second.
    const text = JSON.stringify(entry) + (entry.lasted_ms === null ? Math.floor(elapsed(entry) / 1000) : "");
    const old = there.get(String(entry.number));
    if (old?.dataset.text === text) return old;
    const made = draw(entry, entries);
    made.dataset.text = text;
    return made;
  });
  if (wanted.length !== root.children.length || wanted.some((each, place) => root.children[place] !== each))
    root.replaceChildren(...wanted);
}

/** @param {Entry} entry @param {Entry[]} all */
function draw(entry, all) {
  const clock = new Date(entry.at_ms).toLocaleTimeString("en-GB");
  const on = entry.lasted_ms === null;
  const badge = on ? "on" : `${HOW[entry.how] ?? entry.how} after ${took(entry.lasted_ms ?? 0)}`;
  const head = el(
    "p",
    { class: "what" },
    ...spaced(
      el("time", { datetime: new Date(entry.at_ms).toISOString() }, clock),
      el("strong", {}, arrow(entry.hop)),
      el("span", { class: "words" }, entry.words),
      el("span", { class: "whom" }, `for ${entry.whom}${entry.by === "elsewhere" ? ", by another program" : ""}`),
      el("span", { class: "badge", "data-on": on ? "" : null }, badge),
    ),
  );
  const outcomes = entry.changes.map((change) => outcome(change, entry, all));
  if (entry.hits) outcomes.unshift(el("li", { class: "outcome still" }, `It ${on ? "has " : ""}hit ${entry.hits}.`));
  const session = entry.scope === "session";
  for (const viewer of session ? ["tester", "everyone"] : ["everyone"]) {
    const slots = entry.untouched.filter((each) => each.viewer === viewer).map((each) => slotName(each.slot));
    if (slots.length) outcomes.push(still(slots, session ? FOR[viewer] : "", !entry.closed));
  }
  return el(
    "li",
    { class: "entry", "data-number": String(entry.number), "data-on": on ? "" : null },
    head,
    el("ul", { class: "outcomes" }, ...outcomes),
  );
}

/** @param {Entry["changes"][number]} change @param {Entry} entry @param {Entry[]} all */
function outcome(change, entry, all) {
  const name = `${slotName(change.slot)}${entry.scope === "session" ? FOR[change.viewer] : ""}`;
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
  return el(
    "li",
    { class: "outcome" },
    ...spaced(el("b", {}, name), bar(change.steps, entry), ...steps, ...waits, ...shared(change.steps, all)),
  );
}

/**
 * The other faults that may as well be the cause: no more is known where several were on.
 * @param {Step[]} steps @param {Entry[]} all
 */
function shared(steps, all) {
  const numbers = new Set(steps.flatMap((step) => step.others));
  if (!numbers.size) return [];
  const faults = all.filter((each) => numbers.has(each.number)).map((each) => `${arrow(each.hop)} ${each.words}`);
  const named = faults.length === numbers.size && faults.length <= NAMED_MAX;
  return [
    el("span", { class: "shared" }, `or by ${named ? list(faults) : `one of ${numbers.size} other faults`}, also on`),
  ];
}

/**
 * The same as a picture: how long the slot was in which state, and where the fault ended.
 * @param {Step[]} steps @param {Entry} entry
 */
function bar(steps, entry) {
  const ends = entry.lasted_ms ?? 0;
  const ran = entry.lasted_ms === null ? elapsed(entry) : ends;
  const whole = Math.max((steps.at(-1)?.after_ms ?? 0) * 1.12, ran * 1.12, 1);
  const parts = [{ state: "fresh", after_ms: 0 }, ...steps].map((step, place) => {
    const part = el("i", { "data-slot-state": step.state });
    part.style.flexGrow = String(Math.max(((steps[place]?.after_ms ?? whole) - step.after_ms) / whole, 0.01));
    return part;
  });
  const mark = el("u", {});
  mark.style.insetInlineStart = `${(100 * ends) / whole}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, ...parts, ...(ends ? [mark] : []));
}

/** How many milliseconds ago it began. @param {Entry} entry */
function elapsed(entry) {
  return Math.max(0, Date.now() - entry.at_ms);
}

/** @param {string[]} slots @param {string} whom @param {boolean} yet */
function still(slots, whom, yet) {
  return el("li", { class: "outcome still" }, `${list(slots)} did not change${whom}${yet ? " so far" : ""}.`);
}
