// The shell's own words about an action that came to nothing. They end with the next form that is sent, when the part
// that they speak of can be reached again, or by hand.

const PROBE_MS = 2000;
const PROBE_MS_MAX = 15000;

/** @type {string | null} */
let about = null; // the slot's name, where the notice ends as soon as that slot can be read
/** @type {number | undefined} */
let timer;

// `ends: "healed"` is for what only says that `slot` could not be reached: nothing is open about that.
/** @param {string} words @param {NoticeOptions} options */
export function showNotice(words, { link = "", slot = "", ends = "" } = {}) {
  const box = theBox();
  const place = box?.querySelector("[data-words]");
  if (!box || !place) return;
  clearTimeout(timer);
  box.hidden = false; // first: what is said in a hidden place is not announced
  place.textContent = words;
  if (link) {
    const anchor = document.createElement("a");
    anchor.href = link;
    anchor.textContent = "Sign in";
    place.append(" ", anchor);
  }
  box.scrollIntoView({ block: "nearest" });
  about = ends === "healed" && slot ? slot : null;
  if (about) probeIn(PROBE_MS);
}

export function endNotice() {
  clearTimeout(timer);
  about = null;
  const box = theBox();
  if (!box || box.hidden) return;
  const held = box.contains(document.activeElement);
  box.hidden = true;
  if (held) document.getElementById("main")?.focus({ preventScroll: true });
}

// A slot that holds what somebody typed is not read over, so whether it can be reached is asked without showing it.
/** @param {number} ms */
function probeIn(ms) {
  timer = setTimeout(() => probe(ms), ms * (0.75 + Math.random() / 2));
}

/** @param {number} ms */
async function probe(ms) {
  const slot = document.querySelector(`fragment-slot[slot="${CSS.escape(about ?? "")}"]`);
  const address = document.hidden ? null : slot?.getAttribute("hx-get");
  const html = address ? await textOf(address) : "";
  if (about === null) return;
  if (/^\s*<fragment-slot [^>]*data-state="fresh"/.test(html)) endNotice();
  else probeIn(Math.min(ms * 2, PROBE_MS_MAX));
}

/** @param {string} address */
function textOf(address) {
  return fetch(address, { cache: "no-store" }).then(
    (answer) => answer.text(),
    () => "",
  );
}

// The page may not be parsed that far yet.
function theBox() {
  return document.getElementById("notice");
}

/** @param {Event} event @param {string} selector */
function isIn(event, selector) {
  return event.target instanceof Element && event.target.closest(selector) !== null;
}

document.addEventListener("click", (event) => {
  if (isIn(event, "#notice button")) endNotice();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isIn(event, "#notice")) endNotice();
});
