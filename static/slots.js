// Slots in the browser: makes each fragment work as it arrives, lets it heal by itself, and never takes away what
// somebody is typing. Everything it does is an enhancement: without it the page is whole and its forms work.
//
// A slot's element says what it needs: `data-prefix` (where it is fetched) and `data-query` (what the page's address asks
// of it), `data-retry-ms` (when to ask again, by the shell's word), `data-topics` (what changes it listens to),
// `data-modules` (its own scripts).

import { saysTheSame, tellStates } from "./slot_states.js";

const RECHECK_MS = 1000; // how soon to look again whether a slot is still being typed into
const LOST_MS_MAX = 30000; // the longest wait while the shell itself does not answer
const STYLE_MS_MAX = 3000; // a swap waits this long for styles that the page has not met yet

const mounted = new WeakMap(); // slot element -> {root, controller, timer}
let lost = 0; // refetches in a row that the shell did not answer

const htmxReady = new Promise((resolve) => {
  if (window.htmx) resolve(window.htmx);
  else document.querySelector('script[src*="htmx"]')?.addEventListener("load", () => resolve(window.htmx));
});
const live = import("./live.js").catch(() => null); // numbers stand still without it; nothing else does

class FragmentSlot extends HTMLElement {
  disconnectedCallback() {
    const entry = mounted.get(this);
    if (!entry) return;
    clearTimeout(entry.timer);
    entry.controller.abort();
    mounted.delete(this);
    live.then((module) => module?.unregister(entry.root));
  }
}

// Stands last in each fragment: it is met by the parser when the fragment is whole and later ones are not.
class FragmentEnd extends HTMLElement {
  connectedCallback() {
    const root = this.getRootNode();
    const slot = root.host ?? this.closest("fragment-slot");
    if (slot?.localName === "fragment-slot" && !mounted.has(slot)) mount(slot, slot.shadowRoot ?? slot);
  }
}

function mount(slot, root) {
  const controller = new AbortController();
  const entry = { root, controller, timer: 0 };
  mounted.set(slot, entry);
  for (const form of root.querySelectorAll("form")) enhance(form, slot);
  htmxReady.then((htmx) => {
    if (!slot.isConnected) return;
    htmx.process(slot);
    if (root !== slot) htmx.process(root);
  });
  live.then((module) => slot.isConnected && module?.register(root));
  for (const url of (slot.dataset.modules ?? "").split(" ").filter(Boolean)) {
    import(url).then(
      (module) => !controller.signal.aborted && module.default?.(root, { signal: controller.signal }),
      (error) => console.warn(`${slot.slot}: its script did not load`, error.message),
    );
  }
  retryAsTold(slot);
  tellStates();
}

function retryAsTold(slot) {
  const wait = Number(slot.dataset.retryMs);
  if (wait > 0) refetchIn(slot, wait);
}

// A form under the slot's own prefix answers with the slot: swap it in place.
function enhance(form, slot) {
  const action = form.getAttribute("action") ?? "";
  if (form.method !== "post" || !action.startsWith(`${slot.dataset.prefix}/`)) return;
  form.setAttribute("hx-post", action);
  form.setAttribute("hx-target", slot.shadowRoot ? "host" : "closest fragment-slot");
  form.setAttribute("hx-swap", "outerHTML");
  form.setAttribute("hx-sync", "this:drop"); // a second click while the first is under way is the same click
}

function busy(slot) {
  const root = slot.shadowRoot ?? slot;
  const focused = slot.shadowRoot ? slot.shadowRoot.activeElement : slot.contains(document.activeElement);
  if (focused && focused !== document.body) return true;
  for (const field of root.querySelectorAll("input:not([type=hidden]), textarea, select")) {
    if (field.type === "checkbox" || field.type === "radio") {
      if (field.checked !== field.defaultChecked) return true;
    } else if (field.localName === "select") {
      if ([...field.options].some((option) => option.selected !== option.defaultSelected) && field.selectedIndex > 0) return true;
    } else if (field.value !== field.defaultValue) return true;
  }
  return false;
}

function refetchIn(slot, ms, query = "") {
  const entry = mounted.get(slot);
  if (!entry) return;
  clearTimeout(entry.timer);
  entry.timer = setTimeout(() => refetch(slot, query), ms);
}

async function refetch(slot, query = "") {
  if (!slot.isConnected) return;
  if (document.hidden) {
    document.addEventListener("visibilitychange", () => refetch(slot, query), { once: true });
    return;
  }
  if (busy(slot)) {
    refetchIn(slot, RECHECK_MS, query);
    return;
  }
  const htmx = await htmxReady;
  if (query) {
    const asked = [slot.dataset.query, query].filter(Boolean).join("&");
    htmx.ajax("GET", `${slot.dataset.prefix}?${asked}`, { source: slot, target: slot, swap: "outerHTML" });
  } else {
    htmx.trigger(slot, "mullion:swap");
  }
}

function slotOf(event) {
  const target = event.detail?.target;
  return target?.localName === "fragment-slot" ? target : null;
}

function isRefetch(event) {
  return event.detail?.requestConfig?.verb === "get";
}

// A swap must not take away what somebody began to type while the answer was on its way, and must not show a fragment
// before its styles are there.
document.addEventListener("htmx:beforeSwap", (event) => {
  const slot = slotOf(event);
  if (!slot || !event.detail.shouldSwap) return;
  lost = 0;
  if (isRefetch(event) && busy(slot)) {
    event.detail.shouldSwap = false;
    refetchIn(slot, RECHECK_MS);
    return;
  }
  const html = event.detail.serverResponse;
  if (isRefetch(event) && saysTheSame(slot, html)) {
    event.detail.shouldSwap = false;
    window.htmx.process(slot);
    retryAsTold(slot);
    return;
  }
  const fresh = newStyles(html);
  if (fresh.length === 0) return;
  event.detail.shouldSwap = false;
  Promise.all(fresh.map(loadStyle)).then(() => {
    if (slot.isConnected) window.htmx.swap(slot, html, { swapStyle: "outerHTML" });
  });
});

function newStyles(html) {
  const known = new Set([...document.head.querySelectorAll("link[href]")].map((link) => link.getAttribute("href")));
  const named = [...html.matchAll(/<link rel="stylesheet" href="(\/assets\/[0-9a-f]{64})">/g)].map((found) => found[1]);
  return named.filter((href) => !known.has(href));
}

function loadStyle(href) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    link.rel = "preload";
    link.as = "style";
    link.href = href;
    link.addEventListener("load", resolve);
    link.addEventListener("error", resolve);
    setTimeout(resolve, STYLE_MS_MAX);
    document.head.append(link);
  });
}

// The shell itself did not answer: ask again, later each time.
for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.addEventListener(name, (event) => {
    const slot = slotOf(event);
    if (!slot) return;
    if (isRefetch(event)) {
      lost += 1;
      refetchIn(slot, Math.random() * Math.min(RECHECK_MS * 2 ** lost, LOST_MS_MAX) + RECHECK_MS / 2);
    } else if (name !== "htmx:responseError") {
      tell("No answer came, so this may or may not have gone through. Sending the same form again can not do it twice.");
    }
  });
}

// While a form is under way its button says so, and a second press does nothing.
document.addEventListener("htmx:beforeRequest", (event) => working(event, true));
document.addEventListener("htmx:afterRequest", (event) => working(event, false));

function working(event, on) {
  const form = event.detail?.elt;
  if (form?.localName !== "form") return;
  form.toggleAttribute("aria-busy", on);
  for (const button of form.querySelectorAll("button")) button.toggleAttribute("data-busy", on);
}

// Another slot's action changed something: those that listen to it read at least that far.
document.addEventListener("mullion:changed", (event) => {
  const { topics = [], sequence = "", slot: from = "" } = event.detail ?? {};
  for (const slot of document.querySelectorAll("fragment-slot")) {
    const listens = (slot.dataset.topics ?? "").split(" ").some((topic) => topics.includes(topic));
    if (listens && slot.slot !== from) refetch(slot, sequence ? `min_sequence=${encodeURIComponent(sequence)}` : "");
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
  if (event.target.localName === "fragment-slot") refetch(event.target);
});

// The session was ended elsewhere while the page stood open.
document.addEventListener("mullion:session-ended", () => {
  tell("Your sign-in has ended. What you see may be old.", `/sign-in/?next=${encodeURIComponent(location.pathname)}`);
});

document.addEventListener("mullion:notice", (event) => tell(event.detail.words, event.detail.link));

function tell(words, link) {
  const notice = document.getElementById("notice");
  notice.textContent = words;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = "Sign in";
    notice.append(" ", anchor);
  }
  notice.hidden = false;
  notice.scrollIntoView({ block: "nearest" });
}

// A page whose stream was cut has empty slots: ask for them one by one.
function fillEmpty() {
  const layout = document.querySelector("page-layout");
  for (const place of layout?.shadowRoot?.querySelectorAll("slot") ?? []) {
    if (place.assignedElements().length > 0) continue;
    const slot = document.createElement("fragment-slot");
    slot.slot = place.name;
    slot.dataset.prefix = `${layout.dataset.prefix}/${place.name}`;
    slot.dataset.query = location.search.slice(1);
    slot.hidden = true;
    layout.append(slot);
    mounted.set(slot, { root: slot, controller: new AbortController(), timer: 0 });
    refetch(slot, "attempt=1");
  }
}

// A page out of the back/forward cache shows an old moment: every slot reads again.
addEventListener("pageshow", (event) => {
  if (event.persisted) for (const slot of document.querySelectorAll("fragment-slot")) refetch(slot);
});

customElements.define("fragment-slot", FragmentSlot);
customElements.define("fragment-end", FragmentEnd);
if (document.readyState === "complete") fillEmpty();
else addEventListener("load", fillEmpty);
live.then((module) => module?.start({ ticketUrl: "/live/ticket" }));
