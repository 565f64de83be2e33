// While a release is on trial, a page tells the shell which fragment's scripts threw: once for each release, with the
// page view's own token. Without a trial there is no token, and nothing is sent.

const FILE = /\/assets\/[\w-]+\/[0-9a-f]{32}\//;
/** @type {Set<string>} */
const sent = new Set();

/** @param {string | null | undefined} text an address, or a stack that has one */
export function scriptThrew(text) {
  const view = document.querySelector('meta[name="mullion-view"]')?.getAttribute("content");
  const file = FILE.exec(text ?? "")?.[0];
  if (!view || !file || sent.has(file)) return;
  sent.add(file);
  navigator.sendBeacon("/script-errors/", JSON.stringify({ view, file }));
}

/** What nobody caught, wherever it was thrown. */
export function watchScripts() {
  addEventListener("error", (event) => scriptThrew(event.error?.stack ?? event.filename));
  addEventListener("unhandledrejection", (event) => scriptThrew(event.reason?.stack));
}
