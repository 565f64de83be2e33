// Asks a slot to fetch itself again, never twice at once and never all pages at the same moment.
//
// The slot's element changes with every swap, so what is remembered is remembered by the slot's name.

/** @typedef {{timer?: number, at: number, endsOutcome: boolean}} Waiting */

/** @type {Map<string, Waiting>} */
const waiting = new Map(); // slot name -> {timer, at}: when it will be asked for
/** @type {Map<string, number>} */
const last = new Map(); // slot name -> when it was asked for last
/** @type {Map<string, string>} */
const requestedFor = new Map(); // topic#path -> the value that a slot was asked for already

/** @param {Element} host */
function nameOf(host) {
  return host.slot || host.id || host.localName;
}

// Ask for `host` at a random moment within `jitterMs`, and not sooner than `everyMs` after the last time. One that
// waits already goes on waiting, unless that is for longer than this asks for.
/**
 * @param {Element} host
 * @param {{jitterMs?: number, everyMs?: number, reason?: string, endsOutcome?: boolean}} options
 */
export function refetch(host, { jitterMs = 2000, everyMs = 0, reason = "", endsOutcome = false } = {}) {
  const name = nameOf(host);
  const now = performance.now();
  const rest = Math.max(0, (last.get(name) ?? -Infinity) + everyMs - now);
  const before = waiting.get(name);
  endsOutcome ||= before?.endsOutcome ?? false;
  if (before && before.at <= now + rest + jitterMs) {
    before.endsOutcome = endsOutcome;
    return;
  }
  clearTimeout(before?.timer);
  const wait = rest + Math.random() * jitterMs;
  /** @type {Waiting} */
  const pending = { at: now + wait, endsOutcome };
  pending.timer = setTimeout(() => {
    waiting.delete(name);
    last.set(name, performance.now());
    const there = host.isConnected ? host : document.getElementById(host.id);
    const detail = { from: "live", reason, endsOutcome: pending.endsOutcome };
    there?.dispatchEvent(new CustomEvent("mullion:refetch", { bubbles: true, detail }));
  }, wait);
  waiting.set(name, pending);
}

// As `refetch`, once a value: HTML that never shows what it was asked for again would be asked for for ever.
/** @param {Element} host @param {number} everyMs @param {string} key @param {string} value @param {boolean} endsOutcome */
export function refetchFor(host, everyMs, key, value, endsOutcome = false) {
  const what = `${nameOf(host)} ${key}`;
  if (requestedFor.get(what) === value) return;
  requestedFor.set(what, value);
  refetch(host, { jitterMs: 500, everyMs, reason: key, endsOutcome });
}

export function forgetWaiting() {
  for (const { timer } of waiting.values()) clearTimeout(timer);
  waiting.clear();
}
