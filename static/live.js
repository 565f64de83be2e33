// Live pages: numbers that move by themselves, labels that tick, and the truth about how late they are.
//
// `start({ticketUrl})` once a page; `register(root)` for each fragment's root as it arrives (its shadow root, or the
// slot's element itself), `unregister(root)` when it leaves. What a fragment can bind is said in live/bindings.js and
// live/clock.js; which feeds it lives from, in `data-feeds="tables"` on its slot or inside it; what it offers only while
// a feed is live, in live/needs.js; a picture, in video.js.
//
// A slot that follows anything gets `data-live-state`: live, delayed (10 s without a word, or a stale feed) or off (15 s,
// sockets refused, or a feed that is down). When a feed's freshness changes, only the slots that live from it are
// asked for again, by a `mullion:refetch` event on the slot's element. While sockets do not work, all of them are, every
// 15 s or so, and whatever has `data-live-status` says so in words.

import { Bindings } from "./live/bindings.js";
import { Labels, learnServerTime, serverNow } from "./live/clock.js";
import { Connection } from "./live/connection.js";
import { Needs } from "./live/needs.js";
import { Newest } from "./live/newest.js";
import { forgetWaiting, refetch, refetchFor } from "./live/refetching.js";
import { slotAround } from "./slots/roots.js";

const TICK_MS = 1_000;
const POLL_MS = 15_000;
const HIDDEN_MS = 5_000; // a glance at another tab costs no new socket
const JITTER_MS = 2_000; // a crowd that hears the same news asks within this time, and heals within seven seconds

/** @typedef {"live" | "delayed" | "off"} LiveState */
/**
 * What one fragment on the page follows.
 *
 * @typedef {object} Part
 * @property {HTMLElement} host
 * @property {Bindings} bindings
 * @property {Labels} labels
 * @property {Needs} needs
 * @property {Set<string>} feeds topics of feeds
 * @property {Set<string>} topics
 */

/** @type {Record<Freshness, LiveState>} */
const BY_FEED = { live: "live", stale: "delayed", down: "off" };
/** @type {LiveState[]} */
const WORSE = ["live", "delayed", "off"];
const WORDS = {
  live: "",
  delayed: "Live updates are late. What you see may be some seconds old.",
  off: "Live updates are off. This page asks again by itself, about every 15 seconds.",
};

/** @type {Map<FragmentRoot, Part>} */
const parts = new Map();
const newest = new Newest();
/** @type {Connection | null} */
let connection = null;
/** @type {number | undefined} */
let ticking;
/** @type {number | undefined} */
let hiding;
let pollAt = Infinity;
/** @type {LiveState} */
let pageState = "live";
let timeRequested = false;
/** @type {typeof import("./video.js") | null} */
let video = null; // video.js, once a fragment has a picture

/** @param {{ticketUrl: string}} options */
export function start({ ticketUrl }) {
  if (connection) return;
  connection = new Connection(ticketUrl, {
    message: hear,
    serverTime: learnServerTime,
    opened: () => newest.resync(),
    left: (topics) => {
      for (const topic of topics) newest.forget(topic);
    },
    sessionEnded,
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? pause(HIDDEN_MS) : resume()));
  addEventListener("pagehide", () => pause(0));
  addEventListener("pageshow", (event) => event.persisted && resume());
  follow();
  if (!document.hidden) resume();
}

/** @param {FragmentRoot} root */
function hostOf(root) {
  const element = root instanceof ShadowRoot ? root.host : root;
  return /** @type {HTMLElement} */ (slotAround(element) ?? element);
}

/** @param {FragmentRoot} root */
export function register(root) {
  const host = hostOf(root);
  const bindings = new Bindings(root, (...changed) => refetchFor(host, ...changed));
  const needs = new Needs(root);
  const labels = new Labels(root, () => refetch(host, { jitterMs: JITTER_MS, everyMs: POLL_MS, reason: "countdown" }));
  const feeds = feedsOf(root, host, needs);
  const topics = new Set([...bindings.topics, ...feeds]);
  parts.set(root, { host, bindings, labels, needs, feeds, topics });
  labels.tick();
  for (const topic of topics) {
    const message = newest.get(topic);
    if (!message) continue;
    bindings.hear(message);
    if (!feeds.has(topic)) continue;
    needs.hear(feedOf(topic), message.state);
    compare(host, message);
  }
  if (root.querySelector("[data-stream]")) withVideo((module) => parts.has(root) && module.mount(root));
  follow();
  showState();
}

/** @param {FragmentRoot} root */
export function unregister(root) {
  if (!parts.delete(root)) return;
  video?.unmount(root);
  follow();
}

// At once when it is there: a picture that moves into another slot within the same task plays on without a break.
/** @param {(module: typeof import("./video.js")) => void} use */
function withVideo(use) {
  if (video) return use(video);
  import("./video.js").then(
    (module) => {
      video = module;
      use(module);
    },
    (error) => console.warn("live: no video", error),
  );
}

/** @param {string} topic */
function feedOf(topic) {
  return topic.slice("feed.".length);
}

/** @param {FragmentRoot} root @param {HTMLElement} host @param {Needs} needs */
function feedsOf(root, host, needs) {
  /** @type {NodeListOf<HTMLElement>} */
  const inside = root.querySelectorAll("[data-feeds]");
  const declared = [host, ...inside].map((element) => element.dataset.feeds ?? "");
  return new Set([...declared.join(" ").split(" ").filter(Boolean), ...needs.feeds].map((feed) => `feed.${feed}`));
}

function follow() {
  const topics = new Set([...parts.values()].flatMap((part) => [...part.topics]));
  connection?.want(topics);
}

/** @param {LiveMessage} message */
function hear(message) {
  const before = newest.get(message.topic);
  if (!newest.accept(message)) return;
  for (const { host, bindings, needs, feeds } of parts.values()) {
    bindings.hear(message);
    if (!feeds.has(message.topic)) continue;
    const feed = feedOf(message.topic);
    if (needs.hear(feed, message.state)) {
      host.dispatchEvent(new CustomEvent("mullion:feed-back", { bubbles: true, detail: { feed } }));
    }
    if (!before) compare(host, message);
    else if (before.state !== message.state || detailBeside(before) !== detailBeside(message)) {
      refetch(host, { jitterMs: JITTER_MS, reason: message.topic });
    }
  }
  showState();
}

// What a feed says beside its freshness: the engine's, whether payments can be reached.
/** @param {LiveMessage} message */
function detailBeside({ data }) {
  const beside = data !== null && typeof data === "object" && !Array.isArray(data) ? data.data : null;
  return JSON.stringify(beside ?? null);
}

// The first word about a feed: the slot is asked for again only if it was made in other circumstances.
/** @param {HTMLElement} host @param {LiveMessage} message */
function compare(host, message) {
  const rendered = host.dataset.state;
  if (rendered && (rendered === "fresh") !== (message.state === "live")) {
    refetchFor(host, POLL_MS, message.topic, message.state ?? "");
  }
}

function sessionEnded() {
  document.dispatchEvent(new CustomEvent("mullion:session-ended"));
  for (const { host } of parts.values()) refetch(host, { jitterMs: 1_000, reason: "session" });
}

function tick() {
  if (!connection) return;
  const now = performance.now();
  const time = serverNow();
  for (const { labels } of parts.values()) {
    labels.tick();
    if (time !== null || labels.size === 0 || timeRequested) continue;
    timeRequested = true;
    connection.time();
  }
  connection.watch(now);
  const state = connection.state(now);
  if (state === "off" && pageState !== "off") pollAt = now;
  if (state !== "off") pollAt = Infinity;
  pageState = state;
  if (now >= pollAt) {
    pollAt = now + POLL_MS * (0.67 + Math.random() * 0.67);
    for (const { host, topics } of parts.values()) {
      if (topics.size) refetch(host, { jitterMs: JITTER_MS, reason: "poll" });
    }
  }
  showState();
}

function showState() {
  if (!connection) return;
  for (const { host, feeds, topics } of parts.values()) {
    if (topics.size === 0) continue;
    const states = [...feeds].map((topic) => BY_FEED[newest.get(topic)?.state ?? "live"] ?? "live");
    const worst = WORSE[Math.max(...[pageState, ...states].map((state) => WORSE.indexOf(state)))];
    if (host.dataset.liveState !== worst) host.dataset.liveState = worst;
  }
  if (document.documentElement.dataset.live === pageState) return;
  document.documentElement.dataset.live = pageState;
  /** @type {NodeListOf<HTMLElement>} */
  const places = document.querySelectorAll("[data-live-status]");
  for (const place of places) {
    place.textContent = place.dataset[pageState] ?? WORDS[pageState];
  }
}

function resume() {
  clearTimeout(hiding);
  if (ticking) return;
  ticking = setInterval(tick, TICK_MS);
  pageState = "live";
  connection?.start();
  tick();
}

/** @param {number} afterMs */
function pause(afterMs) {
  clearInterval(ticking);
  ticking = undefined;
  clearTimeout(hiding);
  hiding = setTimeout(() => connection?.stop(), afterMs);
  if (afterMs === 0) {
    clearTimeout(hiding);
    forgetWaiting();
    connection?.stop();
  }
}
