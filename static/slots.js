// Slots in the browser: makes each fragment work as it arrives, lets it heal by itself, and never takes away what
// somebody is typing. Everything it does is an enhancement: without it the page is whole and its forms work.
//
// A slot's element says what it needs: `data-prefix` (where it is fetched) and `data-query` (what the page's address asks
// of it), `data-retry-ms` (when to ask again, by the shell's word), `data-topics` (what changes it listens to),
// `data-scripts` and `data-modules` (its own scripts: see slots/scripts.js). `data-outcome="shown"` is this page's own: see
// slots/outcomes.js.

import { announceStates, forgetAnswer, saysTheSame } from "./slot_states.js";
import { askFor } from "./slots/address.js";
import { agreeOnCommands } from "./slots/commands.js";
import { enhance } from "./slots/forms.js";
import { callLateListeners } from "./slots/late_events.js";
import { endLoops } from "./slots/loops.js";
import { namesTaken } from "./slots/names.js";
import { takePlace } from "./slots/nested.js";
import { showNotice } from "./slots/notice.js";
import { endOutcome, feedIsBack, holdsOutcome, markOutcome, watchClosing } from "./slots/outcomes.js";
import { fillPlaces, keepOne, watchPlaces } from "./slots/places.js";
import { slotAround, treesOf } from "./slots/roots.js";
import { watchScripts } from "./slots/script_errors.js";
import { runScripts } from "./slots/scripts.js";
import { loadStyle, newStyles } from "./slots/styles.js";
import { incomingSlot, replaceSlot } from "./slots/swap.js";
import { busy } from "./slots/typing.js";

const RECHECK_MS = 1000; // how soon to look again whether a slot is still being typed into
const LOST_MS_MAX = 5000; // the longest wait while the shell itself does not answer: a slot heals within seven seconds
const UNSURE =
  "No answer came, so this may or may not have gone through. Sending the same form again can not do it twice.";

/** @typedef {{trees: FragmentRoot[], controller: AbortController, timer: number | undefined}} Entry */

/** @type {WeakMap<HTMLElement, Entry>} */
const mounted = new WeakMap();
/** @type {Map<string, string>} */
const owed = new Map(); // slot name -> query: how far its next fresh answer must have read
let lost = 0; // refetches in a row that the shell did not answer

/** @type {Promise<Window["htmx"]>} */
const htmxReady = new Promise((/** @type {(htmx: Window["htmx"]) => void} */ resolve) => {
  if (window.htmx) resolve(window.htmx);
  else document.querySelector('script[src*="htmx"]')?.addEventListener("load", () => resolve(window.htmx));
}).then((htmx) => {
  // By itself it does so when the page has been parsed: after the first swaps, or never, if the page was cut or htmx came
  // between the end of parsing and the last image.
  /** @type {HTMLMetaElement | null} */
  const config = document.querySelector('meta[name="htmx-config"]');
  Object.assign(htmx.config, JSON.parse(config?.content ?? "{}"));
  return htmx;
});
const live = import("./live.js").catch(() => null); // numbers stand still without it; nothing else does

watchScripts();

class FragmentSlot extends HTMLElement {
  disconnectedCallback() {
    const entry = mounted.get(this);
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.controller.abort();
    mounted.delete(this);
    live.then((module) => {
      for (const tree of entry.trees) module?.unregister(tree);
    });
  }

  // To be moved is to stay: a browser that knows `moveBefore` calls this and not the one above.
  connectedMoveCallback() {}
}

// Stands last in each fragment: it is met by the parser when the fragment is whole and later ones are not.
class FragmentEnd extends HTMLElement {
  connectedCallback() {
    const slot = slotAround(this);
    if (!slot) return;
    slot.dataset.whole = ""; // its place needs no other height: see layout.css
    if (takePlace(slot, taken) && !mounted.has(slot)) mount(slot, slot.shadowRoot ?? slot);
  }

  connectedMoveCallback() {}
}

/** @param {HTMLElement} slot @param {FragmentRoot} root */
function mount(slot, root) {
  const controller = new AbortController();
  const trees = /** @type {FragmentRoot[]} */ (treesOf(root)); // its own, and roots that the fragment has brought
  /** @type {Entry} */
  const entry = { trees, controller, timer: undefined };
  mounted.set(slot, entry);
  prepareForms(slot, trees);
  live.then((module) => {
    if (slot.isConnected) for (const tree of trees) module?.register(tree);
  });
  runScripts({ slot, root, signal: controller.signal });
  retryAfterDelay(slot);
  announceStates();
  keepOne(slot);
  agreeOnCommands(refetch);
}

/** @param {HTMLElement} slot @param {FragmentRoot[]} trees */
function prepareForms(slot, trees) {
  for (const form of trees.flatMap((tree) => [...tree.querySelectorAll("form")])) enhance(form, slot);
  htmxReady.then((htmx) => {
    if (!slot.isConnected) return;
    htmx.process(slot);
    for (const tree of trees) if (tree !== slot) htmx.process(tree);
  });
}

/** @param {HTMLElement} slot */
function retryAfterDelay(slot) {
  const wait = Number(slot.dataset.retryMs);
  if (wait > 0) refetchIn(slot, wait);
  else if (owed.has(slot.slot)) refetchIn(slot, 0); // this one was asked for before the change that it has to show
}

/** @param {HTMLElement} slot @param {number} ms */
function refetchIn(slot, ms) {
  const entry = mounted.get(slot);
  if (!entry) return;
  clearTimeout(entry.timer);
  entry.timer = setTimeout(() => refetch(slot), ms);
}

// Whether what the slot shows is somebody's: what they type, or the one place that says what became of their command.
/** @param {HTMLElement} slot */
function taken(slot) {
  return busy(slot) || holdsOutcome(slot);
}

/** @param {HTMLElement} slot */
async function refetch(slot) {
  if (!slot.isConnected) return;
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => refetch(slot), { once: true });
    return;
  }
  if (taken(slot)) {
    refetchIn(slot, RECHECK_MS);
    return;
  }
  const htmx = await htmxReady;
  const query = owed.get(slot.slot);
  const address = slot.getAttribute("hx-get") ?? "";
  const requested = query ? address + (address.includes("?") ? "&" : "?") + query : address;
  htmx.ajax("get", requested, { source: slot, target: slot, swap: "outerHTML" });
}

// What was owed is paid by a fresh answer to the very question.
/** @param {HTMLElement} slot @param {string} requested @param {string} html */
function pay(slot, requested, html) {
  const query = owed.get(slot.slot);
  if (query && requested.endsWith(query) && /^\s*<fragment-slot [^>]*data-state="fresh"/.test(html))
    owed.delete(slot.slot);
}

/** @param {CustomEvent<HtmxDetail>} event */
function slotOf(event) {
  const { target } = event.detail;
  return target?.localName === "fragment-slot" ? target : null;
}

/** @param {CustomEvent<HtmxDetail>} event */
function isRefetch(event) {
  return event.detail.requestConfig?.verb === "get";
}

// Every answer for a slot is put in its place here and not by htmx. It must not take away what somebody began to type
// while the answer or its styles were on their way, nor show a fragment before its styles are there.
document.addEventListener("htmx:beforeSwap", (event) => {
  const target = slotOf(event);
  if (!target || !event.detail.shouldSwap) return;
  event.detail.shouldSwap = false;
  const slot = target.isConnected ? target : (document.getElementById(target.id) ?? target);
  const html = event.detail.serverResponse;
  const incoming = incomingSlot(html);
  const read = isRefetch(event);
  if (!incoming) {
    if (read) askAgainLater(slot);
    else showNotice(UNSURE);
    return;
  }
  lost = 0;
  if (read) receive(slot, incoming, html, event.detail.pathInfo.requestPath);
  else {
    markOutcome(slot, incoming);
    dressed(html, () => swapIn(slot, incoming));
  }
});

/** @param {HTMLElement} slot @param {HTMLElement} incoming @param {string} html @param {string} requested */
function receive(slot, incoming, html, requested) {
  if (taken(slot)) {
    refetchIn(slot, RECHECK_MS);
  } else if (saysTheSame(slot, incoming)) {
    window.htmx.process(slot);
    retryAfterDelay(slot);
  } else {
    dressed(html, () => {
      if (!slot.isConnected) return;
      if (taken(slot)) {
        forgetAnswer(slot);
        refetchIn(slot, RECHECK_MS);
      } else {
        pay(slot, requested, html);
        swapIn(slot, incoming);
      }
    });
  }
}

/** @param {HTMLElement} slot @param {HTMLElement} incoming */
function swapIn(slot, incoming) {
  fillPlaces(replaceSlot(slot, incoming), (each) => mounted.has(each), take);
}

// At once where the page has met the styles of `html`, so that a picture plays on from one slot to the next.
/** @param {string} html @param {() => void} use */
function dressed(html, use) {
  const fresh = newStyles(html);
  if (fresh.length) Promise.all(fresh.map(loadStyle)).then(use);
  else use();
}

// What comes next must not take the names of another slot: in a tree that they share, an id means whoever has it first.
document.addEventListener("htmx:configRequest", (event) => {
  const names = namesTaken(slotAround(event.detail.elt));
  if (names) event.detail.headers["Mullion-Names-Taken"] = names;
});

// The shell itself did not answer: ask again, later each time.
for (const name of /** @type {const} */ (["htmx:sendError", "htmx:responseError", "htmx:timeout"])) {
  document.addEventListener(name, (event) => {
    const slot = slotOf(event);
    if (!slot) return;
    if (isRefetch(event)) askAgainLater(slot);
    else if (name !== "htmx:responseError") showNotice(UNSURE);
  });
}

/** @param {HTMLElement} slot */
function askAgainLater(slot) {
  lost += 1;
  refetchIn(slot, Math.random() * Math.min(RECHECK_MS * 2 ** lost, LOST_MS_MAX) + RECHECK_MS / 2);
}

// Another slot's action changed something: those that listen to it read at least that far.
document.addEventListener("mullion:changed", (event) => {
  const { topics = [], sequence = "", slot: from = "" } = event.detail ?? {};
  for (const slot of document.querySelectorAll("fragment-slot")) {
    const listens = (slot.dataset.topics ?? "").split(" ").some((topic) => topics.includes(topic));
    if (!listens || slot.slot === from) continue;
    if (sequence) owed.set(slot.slot, `min_sequence=${encodeURIComponent(sequence)}`);
    refetch(slot);
  }
});

// A reload shows what became of an action, as a redirect does where there is no script.
document.addEventListener("mullion:received", (event) => {
  const address = new URL(location.href);
  address.searchParams.set(`${event.detail.slot}.receipt`, event.detail.receipt);
  history.replaceState(history.state, "", address);
});

// Whoever watches the feeds, and a fragment itself, asks for one slot to be read again.
document.addEventListener("mullion:refetch", (event) => {
  const slot = /** @type {HTMLElement} */ (event.target);
  if (slot.localName !== "fragment-slot") return;
  if (event.detail?.endsOutcome) endOutcome(slot);
  refetch(slot);
});

// A fragment's script has put the answer to another question into its own content: forms in it work as any, and what is
// read from here on is that.
document.addEventListener("mullion:query", (event) => {
  const slot = /** @type {HTMLElement} */ (event.target);
  if (slot.localName !== "fragment-slot") return;
  askFor(slot, event.detail.query);
  prepareForms(slot, mounted.get(slot)?.trees ?? []);
});

document.addEventListener("mullion:feed-back", (event) => {
  feedIsBack(/** @type {HTMLElement} */ (event.target), event.detail.feed);
});
watchClosing(refetch);
endLoops(slotAround);

// The session was ended elsewhere while the page stood open.
document.addEventListener("mullion:session-ended", () => {
  const link = `/sign-in/?next=${encodeURIComponent(location.pathname)}`;
  showNotice("Your sign-in has ended. What you see may be old.", { link });
});

document.addEventListener("mullion:notice", (event) => {
  const { words, link, ends } = event.detail;
  const from = /** @type {Element} */ (event.target);
  showNotice(words, { link, ends, slot: from.closest("fragment-slot")?.slot });
});

// Whatever the page's stream did not bring asks for itself, again and again if it must.
/** @param {HTMLElement} slot */
function take(slot) {
  mounted.set(slot, { trees: [slot.shadowRoot ?? slot], controller: new AbortController(), timer: undefined });
  htmxReady.then((htmx) => {
    htmx.process(slot);
    refetch(slot);
  });
}

// A page out of the back/forward cache shows an old moment: every slot reads again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const slot of document.querySelectorAll("fragment-slot")) {
    endOutcome(slot); // who comes back had left it
    refetch(slot);
  }
});

callLateListeners();
customElements.define("fragment-slot", FragmentSlot);
customElements.define("fragment-end", FragmentEnd);
watchPlaces((slot) => mounted.has(slot), take);
live.then((module) => module?.start({ ticketUrl: "/live/ticket" }));
