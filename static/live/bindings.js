// What a fragment's HTML asks to be kept up to date. A binding names a topic and a path into its data: `topic#path`.
//
// `data-live="tables.r1#seats_taken"`            the text is the value
// `data-live="tables.r1#open" data-live-to="data-open"`   an attribute is the value
// `data-live-empty="nobody"`                     what null is shown as
// `data-live-refetch="tables.r1#results.0.round_id"`  the slot is asked for again when the value changes; without a
//     path, when anything about the topic does. At most every `data-live-every` seconds (5). `data-live-value` is the
//     value that the HTML was made from, so that a change before the first message is not missed. With
//     `data-live-outcome` the change ends what the slot says of a command; otherwise such a slot is not read over.
// `data-live-seq="epoch:n"` on an element or around it: the HTML was made from this message, older ones are not shown.

// Words and states, nothing that a script, htmx or another element follows. Containment lets no other name pass.
const ATTRIBUTES = new RegExp(
  "^(data-(?!live|hx-|stream|feeds|mullion)[a-z-]+" +
    "|aria-(?!owns|controls|describedby|labelledby|details|flowto|activedescendant|errormessage)[a-z]+" +
    "|value|max|min|datetime|hidden|open|title)$",
);
const numbers = new Intl.NumberFormat(document.documentElement.lang || "en");

/** @typedef {{topic: string, path: string[]}} Binding */
/** @typedef {{element: HTMLElement, path: string[], attribute: string}} Shown */
/** @typedef {{element: HTMLElement, path: string[], every: number, value: string | undefined, endsOutcome: boolean}} Watched */
/** @typedef {(everyMs: number, key: string, value: string, endsOutcome: boolean) => void} Changed */

/** @param {HTMLElement} element @param {string | undefined} text @param {boolean} pathNeeded @returns {Binding | null} */
function parse(element, text, pathNeeded) {
  const [topic, path = ""] = (text ?? "").split("#");
  if (topic && (path || !pathNeeded)) return { topic, path: path ? path.split(".") : [] };
  console.warn(`live: "${text}" is no binding; write topic#path`, element);
  return null;
}

/** @param {Json} data @param {string[]} path @returns {Json | undefined} */
function valueAt(data, path) {
  /** @type {Json | undefined} */
  let value = data;
  for (const key of path) value = /** @type {Record<string, Json> | null | undefined} */ (value)?.[key];
  return value;
}

/** @param {HTMLElement} element @param {Json} value */
function text(element, value) {
  if (value === null || value === "") return element.dataset.liveEmpty ?? "–";
  return typeof value === "number" ? numbers.format(value) : String(value);
}

/** @param {HTMLElement} element @param {[string, number]} seq */
function isOlder(element, [epoch, n]) {
  /** @type {HTMLElement | null} */
  const around = element.closest("[data-live-seq]");
  const made = around?.dataset.liveSeq ?? "";
  const at = made.lastIndexOf(":");
  return at > 0 && made.slice(0, at) === epoch && n < Number(made.slice(at + 1));
}

/**
 * @template Entry
 * @param {Map<string, Entry[]>} map @param {string} topic @param {Entry} entry
 */
function keep(map, topic, entry) {
  const entries = map.get(topic);
  if (entries) entries.push(entry);
  else map.set(topic, [entry]);
}

export class Bindings {
  /** @type {Map<string, Shown[]>} */
  #shown = new Map(); // by topic
  /** @type {Map<string, Watched[]>} */
  #watched = new Map(); // by topic
  #changed;

  // `changed(everyMs, key, value, endsOutcome)` asks for the slot; `key` and `value` say what for.
  /** @param {FragmentRoot} root @param {Changed} changed */
  constructor(root, changed) {
    this.#changed = changed;
    /** @type {NodeListOf<HTMLElement>} */
    const shown = root.querySelectorAll("[data-live]");
    for (const element of shown) this.#show(element);
    /** @type {NodeListOf<HTMLElement>} */
    const watched = root.querySelectorAll("[data-live-refetch]");
    for (const element of watched) this.#watch(element);
  }

  get topics() {
    return new Set([...this.#shown.keys(), ...this.#watched.keys()]);
  }

  /** @param {HTMLElement} element */
  #show(element) {
    const binding = parse(element, element.dataset.live, true);
    const attribute = element.dataset.liveTo ?? "";
    if (attribute && !ATTRIBUTES.test(attribute)) {
      console.warn(`live: ${attribute} can not be bound`, element);
    } else if (binding) {
      keep(this.#shown, binding.topic, { element, path: binding.path, attribute });
    }
  }

  /** @param {HTMLElement} element */
  #watch(element) {
    const binding = parse(element, element.dataset.liveRefetch, false);
    if (!binding) return;
    const every = Math.max(1, Number(element.dataset.liveEvery) || 5) * 1000;
    const value = element.dataset.liveValue;
    const endsOutcome = element.dataset.liveOutcome !== undefined;
    keep(this.#watched, binding.topic, { element, path: binding.path, every, value, endsOutcome });
  }

  /** @param {LiveMessage} message */
  hear(message) {
    for (const { element, path, attribute } of this.#shown.get(message.topic) ?? []) {
      const value = valueAt(message.data, path);
      if (value === undefined || (typeof value === "object" && value !== null)) continue;
      if (isOlder(element, message.seq)) continue;
      if (attribute) this.#set(element, attribute, value);
      else if (element.textContent !== text(element, value)) element.textContent = text(element, value);
    }
    for (const watch of this.#watched.get(message.topic) ?? []) {
      if (isOlder(watch.element, message.seq)) continue;
      const value = watch.path.length ? String(valueAt(message.data, watch.path) ?? "") : JSON.stringify(message.data);
      const before = watch.value;
      watch.value = value;
      if (before === undefined || before === value) continue;
      this.#changed(watch.every, `${message.topic}#${watch.path.join(".")}`, value, watch.endsOutcome);
    }
  }

  /** @param {HTMLElement} element @param {string} attribute @param {null | boolean | number | string} value */
  #set(element, attribute, value) {
    const toggles = typeof value === "boolean" && !attribute.includes("-");
    if (toggles) element.toggleAttribute(attribute, value);
    else if (value === null) element.removeAttribute(attribute);
    else if (element.getAttribute(attribute) !== String(value)) element.setAttribute(attribute, String(value));
    if (attribute === "value" && "value" in element && value !== null) element.value = value;
  }
}
