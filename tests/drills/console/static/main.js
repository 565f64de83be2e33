// The outage console: looks at the system about once a second, draws it, and does what is clicked.
import { call, takeToken } from "./api.js";
import { byId, say, set, text } from "./dom.js";
import { Drawing } from "./drawing.js";
import { drawEntries } from "./entries.js";
import { Lobby } from "./lobby.js";
import { On } from "./on.js";
import { Panel } from "./panel.js";
import { arrow, list } from "./words.js";

const LOOK_MS = 1000;
const LOOK_BROKEN_MS = 400;
const TICK_MS = 250;
// More of them stand in the list alone: the line at the top stays one.
const NAMED_MAX = 2;

const summary = byId("summary", HTMLElement);
const notice = byId("notice", HTMLElement);
const healAll = byId("heal-all", HTMLButtonElement);
const entries = byId("entries", HTMLOListElement);
/** @type {SystemState | null} */
let system = null;
let seenAt = 0;

const drawing = new Drawing(byId("drawing", HTMLElement), byId("lines", SVGSVGElement), choose);
const on = new On(byId("on", HTMLUListElement), byId("on-none", HTMLElement), (hop) => heal(hop).catch(failed));
const lobby = new Lobby(failed);
const panel = new Panel((words) => text(summary, words), look);

/** @param {unknown} problem */
function failed(problem) {
  say(notice, problem instanceof Error ? problem.message : String(problem));
}

/** @param {string} name */
function choose(name) {
  const hop = system?.hops.find((each) => each.name === name);
  if (hop && system) panel.open(hop, system.sessions).catch(failed);
}

/** @param {string} hop empty for all */
async function heal(hop) {
  await call("heal", hop ? { hop } : {});
  await look();
  // The button is gone with its fault; the keyboard goes on where the hop is.
  if (hop) drawing.focus(hop);
  else byId("system", HTMLElement).focus();
}

async function look() {
  try {
    system = /** @type {SystemState} */ (await call("system"));
  } catch (problem) {
    failed(problem);
    set(document.body, "data-stale", "");
    return;
  }
  seenAt = performance.now();
  set(document.body, "data-stale", system.problem ? "" : null);
  say(notice, system.problem && system.hops.length ? system.problem : "");
  drawEntries(entries, system.history);
  byId("history-empty", HTMLElement).hidden = system.history.length > 0;
  lobby.update(system);
  draw();
}

function draw() {
  if (!system) return;
  const ageS = (performance.now() - seenAt) / 1000;
  drawing.update(system, ageS);
  on.update(system.hops, ageS);
  if (panel.dialog.open)
    panel.update(
      system.hops.find((hop) => hop.name === panel.hop),
      ageS,
    );
  const broken = system.hops.filter((hop) => hop.state === "broken").map((hop) => arrow(hop.name));
  const count = system.hops.filter((hop) => hop.state !== "absent").length;
  const named = broken.length > NAMED_MAX ? `${broken.length} hops` : list(broken);
  const words = broken.length
    ? `${named} ${broken.length > 1 ? "are" : "is"} broken`
    : `Nothing is broken; ${count} hops`;
  if (system.hops.length) {
    text(summary, words);
    set(summary, "data-state", broken.length ? "broken" : "well");
  }
  healAll.hidden = !broken.length;
}

async function keepLooking() {
  if (!document.hidden) await look();
  const busy = system?.history.some((entry) => !entry.closed);
  setTimeout(keepLooking, busy ? LOOK_BROKEN_MS : LOOK_MS);
}

healAll.addEventListener("click", () => heal("").catch(failed));
takeToken();
keepLooking();
setInterval(draw, TICK_MS);
