// Time as the server has it, whatever this device's clock says, and the labels that tell it.
//
// `<time datetime="…" data-age>20:14:03</time>` keeps its words and gets its age behind them: "20:14:03 (12 sec. ago)"; with
// `data-age="shell"` it is the shell that says when, not a feed.
// `<time datetime="…" data-countdown>` counts down to its moment; `data-countdown-done` is what it says at the end, and
// its slot is asked for again, unless `data-live` gives it its next moment; without a moment it says that it is done. One
// with `data-server-now` brings its own script and is left alone.

const SAMPLES = 12;
// How far each server is ahead of performance.now(); a late message makes one too small, never too big. The two may
// disagree by minutes, so each moment is held against the clock that it came from: the feeds', that the heartbeats
// tell, or the shell's own, that its answers tell. Where one was never heard, the other is better than this device's.
/** @typedef {"feeds" | "shell"} Clock */

/** @type {Record<Clock, number[]>} */
const leads = { feeds: [], shell: [] };

/** @param {number} serverMs @param {Clock} whose */
export function learnServerTime(serverMs, whose) {
  leads[whose].push(serverMs - performance.now());
  if (leads[whose].length > SAMPLES) leads[whose].shift();
}

// A server's time in Unix milliseconds; null until one was heard, because this device may be minutes off.
/** @param {Clock} whose */
export function serverNow(whose = "feeds") {
  const samples = [leads[whose], leads.feeds, leads.shell].find((each) => each.length);
  return samples ? Math.max(...samples) + performance.now() : null;
}

const language = document.documentElement.lang || "en";
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

/** @param {number} ms */
export function ageWords(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return relative.format(-seconds, "second");
  if (seconds < 3600) return relative.format(-Math.floor(seconds / 60), "minute");
  if (seconds < 86400) return relative.format(-Math.floor(seconds / 3600), "hour");
  return relative.format(-Math.floor(seconds / 86400), "day");
}

/** @param {number} ms */
export function countdownWords(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds >= 86400) return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
  /** @param {number} number */
  const two = (number) => String(number).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/** @param {Element} node @param {string} words */
function write(node, words) {
  if (node.textContent !== words) node.textContent = words;
}

/** @param {FragmentRoot} root @param {string} selector */
function timesIn(root, selector) {
  return [.../** @type {NodeListOf<HTMLTimeElement>} */ (root.querySelectorAll(selector))];
}

export class Labels {
  /** @type {{time: HTMLTimeElement, tail: HTMLElement | null}[]} */
  #ages;
  /** @type {HTMLTimeElement[]} */
  #countdowns;
  /** @type {WeakMap<HTMLTimeElement, number>} */
  #done = new WeakMap();
  #over;

  // `over()` is called once for each countdown that ends.
  /** @param {FragmentRoot} root @param {() => void} over */
  constructor(root, over) {
    this.#over = over;
    this.#ages = timesIn(root, "time[data-age]").map((time) => ({ time, tail: null }));
    this.#countdowns = timesIn(root, "time[data-countdown]:not([data-server-now])");
  }

  get size() {
    return this.#ages.length + this.#countdowns.length;
  }

  tick() {
    const now = serverNow();
    if (now === null) return;
    for (const age of this.#ages) {
      const moment = Date.parse(age.time.dateTime);
      if (Number.isNaN(moment)) continue;
      if (!age.tail?.isConnected) {
        // Hidden from screen readers: a label that ticks inside a status would be read out every second.
        age.tail = document.createElement("span");
        age.tail.setAttribute("aria-hidden", "true");
        age.time.append(age.tail);
      }
      const from = age.time.dataset.age === "shell" ? serverNow("shell") : now;
      write(age.tail, ` (${ageWords((from ?? now) - moment)})`);
    }
    for (const time of this.#countdowns) {
      const end = Date.parse(time.dateTime);
      const done = time.dataset.countdownDone;
      if (Number.isNaN(end)) {
        if (done) write(time, done);
        continue;
      }
      const left = end - now;
      write(time, left <= 0 && done ? done : countdownWords(left));
      if (left > 0 || time.dataset.live || this.#done.get(time) === end) continue;
      this.#done.set(time, end);
      this.#over();
    }
  }
}
