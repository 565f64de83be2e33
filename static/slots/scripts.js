// A fragment's own scripts: they run when its content has arrived, in the manifest's order, and again when it arrives anew.
//
// `data-scripts` names classic scripts, which go first, `data-modules` modules. A module that exports `mount(root, { signal })`
// (or such a function as its default) is loaded once and called each time; any other is loaded again under `run=<n>`, and
// a classic script is inserted again. What throws when it runs again is left to the event `mullion:content`, which the
// slot sends after all of them. `signal` is aborted when the content goes. `data` of the manifest stands on the elements
// of scripts: see script_elements.js.

import { attributesOfScripts, inertModule, marked } from "./script_elements.js";
import { scriptThrew } from "./script_errors.js";

/** @typedef {import("./script_elements.js").Attributes} Attributes */
/** @typedef {{runs: number, once: boolean, loading?: Promise<void>, mount?: Mount}} Script */
/** @typedef {{slot: HTMLElement, root: FragmentRoot, signal: AbortSignal}} Content */

/** @type {Map<string, Script>} */
const scripts = new Map(); // address -> what is known of it on this page
/** @type {Map<string, number>} */
const arrivals = new Map(); // slot name -> how often it had content with scripts

/** @param {Content} content */
export async function runScripts(content) {
  const { slot, root, signal } = content;
  const [classic, modules] = [slot.dataset.scripts, slot.dataset.modules].map((each) =>
    (each ?? "").split(" ").filter(Boolean),
  );
  if (!classic.length && !modules.length) return;
  const attributes = attributesOfScripts(slot);
  for (const url of classic) if (!signal.aborted) await runClassic(url, attributes[url]);
  for (const url of modules) if (!signal.aborted) await runModule(url, content, attributes[url]);
  if (signal.aborted) return;
  const run = (arrivals.get(slot.slot) ?? 0) + 1;
  arrivals.set(slot.slot, run);
  slot.dispatchEvent(
    new CustomEvent("mullion:content", { bubbles: true, detail: { slot: slot.slot, root, signal, run } }),
  );
}

/** @param {string} url */
function scriptAt(url) {
  const script = scripts.get(url) ?? { runs: 0, once: false };
  scripts.set(url, script);
  script.runs += 1;
  return script;
}

/** @param {string} url @param {Attributes} [attributes] */
async function runClassic(url, attributes) {
  const script = scriptAt(url);
  if (script.once) return;
  const element = document.createElement("script");
  element.src = url;
  if (attributes) marked(url, element, attributes);
  /** @param {ErrorEvent} event */
  const threw = (event) => {
    if (event.filename === element.src && script.runs > 1) script.once = true;
  };
  addEventListener("error", threw);
  await new Promise((resolve) => {
    element.addEventListener("load", resolve);
    element.addEventListener("error", () => resolve(console.warn(`${url} did not load`)));
    document.head.append(element);
  });
  removeEventListener("error", threw);
  if (!attributes) element.remove();
}

/** @param {string} url @param {Content} content @param {Attributes} [attributes] */
async function runModule(url, { slot, root, signal }, attributes) {
  const script = scriptAt(url);
  if (script.once) return;
  const run = script.runs;
  try {
    if (!script.mount) {
      // Loaded twice it would remember what the player did in two places.
      await script.loading?.catch(() => {});
      if (signal.aborted) return;
    }
    if (!script.mount) {
      script.loading = load(url, script, run, attributes);
      await script.loading;
    }
    if (!signal.aborted) await script.mount?.(root, { signal });
  } catch (error) {
    if (!script.mount && run > 1) script.once = true;
    else scriptThrew(url);
    console.warn(`${slot.slot}: ${url} ${run > 1 ? "does not run again" : "did not run"}:`, error);
  }
}

/** @param {string} url @param {Script} script @param {number} run @param {Attributes} [attributes] */
async function load(url, script, run, attributes) {
  const address = run > 1 ? again(url, run) : url;
  if (attributes) document.head.append(marked(url, inertModule(address), attributes));
  script.mount = mountOf(await import(address));
}

/** @param {string} url @param {number} run */
function again(url, run) {
  return `${url}${url.includes("?") ? "&" : "?"}run=${run}`;
}

// A class, as a custom element is, can not be called.
/** @param {{mount?: unknown, default?: unknown}} module @returns {Mount | undefined} */
function mountOf(module) {
  const found = [module.mount, module.default].find(
    (each) => typeof each === "function" && !/^class\b/.test(String(each)),
  );
  return /** @type {Mount | undefined} */ (found);
}
