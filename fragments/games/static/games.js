// A favourite is set in its place, and a search answers while it is typed. Without a script both are plain forms.

const TYPED_MS = 300; // a pause in typing
// A search without an answer is tried again after so long, each time twice as long.
const RETRY_MS = 1000;
const RETRY_MS_MAX = 15_000;

// What the form asks for, without what goes without saying: the first of several options.
/** @param {HTMLFormElement} form */
const queryOf = (form) => {
  const query = new URLSearchParams();
  for (const field of form.elements) {
    if (field instanceof HTMLInputElement && field.value.trim()) query.set(field.name, field.value.trim());
    if (field instanceof HTMLSelectElement && field.selectedIndex > 0) query.set(field.name, field.value);
  }
  return query.toString();
};

// What of a slot answers a search: its title with the count, and the list.
const ANSWERS = [".top", ".found"];

// `html` is a slot; null where it is none that is whole, or one that holds no answer to a search: tiles that only keep
// the place of a list are hidden from readers.
/** @param {string} html */
const contentIn = (html) => {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  /** @type {HTMLTemplateElement | null} */
  const root = holder.content.querySelector("fragment-slot > template[shadowrootmode]");
  const content = root?.content ?? holder.content;
  const answers = content.querySelector(".found") && !content.querySelector(".found > .choices[aria-hidden]");
  return content.querySelector("fragment-end") && answers ? content : null;
};

// What was asked is no longer typed input: the slot may be read again over it as soon as nobody is in it.
/** @param {HTMLFormElement} form */
const settle = (form) => {
  for (const field of form.elements) {
    if (field instanceof HTMLInputElement) field.defaultValue = field.value;
    if (field instanceof HTMLSelectElement) for (const each of field.options) each.defaultSelected = each.selected;
  }
};

// The answer to a game's form is the slot itself, and not the way back to the page.
/** @param {FragmentRoot} root */
const answerInPlace = (root) => {
  for (const form of root.querySelectorAll("form.acts:not(:has([name=in_place]))")) {
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "in_place";
    field.value = "1";
    form.append(field);
  }
};

/** @param {FragmentRoot} root @param {string} selector @param {string | null | undefined} words */
const say = (root, selector, words) => {
  const place = root.querySelector(selector);
  if (place) place.textContent = words ?? "";
};

/** @param {FragmentRoot} root @param {DocumentFragment} content @param {string} query */
const show = (root, content, query) => {
  for (const part of ANSWERS) {
    const children = content.querySelector(part)?.childNodes ?? [];
    root.querySelector(part)?.replaceChildren(...[...children].map((child) => document.importNode(child, true)));
  }
  answerInPlace(root);
  say(root, ".answered", root.querySelector(".top")?.textContent?.replace(/\s+/g, " ").trim());
  const host = root instanceof ShadowRoot ? root.host : root;
  host.dispatchEvent(new CustomEvent("mullion:query", { bubbles: true, detail: { query } }));
};

/** @param {FragmentRoot} root @param {HTMLFormElement} form @param {string} prefix @param {AbortSignal} signal */
const searchAsTyped = (root, form, prefix, signal) => {
  let timer = 0;
  let failures = 0;
  let shown = queryOf(form);
  const waits = (/** @type {boolean} */ on) => root.querySelector(".found")?.setAttribute("aria-busy", String(on));
  const search = async () => {
    const query = queryOf(form);
    waits(query !== shown);
    if (query === shown) return;
    const html = await fetch(`${prefix}?${query}`, { headers: { "HX-Request": "true" }, signal })
      .then((answer) => (answer.ok ? answer.text() : ""))
      .catch(() => "");
    // The last one wins: an answer to anything but what stands in the form is none.
    if (signal.aborted || query !== queryOf(form)) return;
    waits(false);
    const content = contentIn(html);
    say(root, ".unanswered", content ? "" : root.querySelector(".unanswered")?.getAttribute("data-words"));
    if (!content) {
      searchIn(Math.min(RETRY_MS * 2 ** failures, RETRY_MS_MAX));
      failures += 1;
      return;
    }
    shown = query;
    settle(form);
    show(root, content, query);
  };
  const searchIn = (/** @type {number} */ ms) => {
    clearTimeout(timer);
    timer = setTimeout(search, ms);
  };
  const typed = () => {
    failures = 0;
    searchIn(TYPED_MS);
  };
  form.addEventListener("input", typed, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
};

/** @type {Mount} */
export default function mount(root, { signal }) {
  answerInPlace(root);
  /** @type {HTMLFormElement | null} */
  const form = root.querySelector("form.filters");
  const prefix = form?.dataset.prefix;
  if (form && prefix) searchAsTyped(root, form, prefix, signal);
}

// A slot of the shell calls `mount`. In a page of another layout nobody does, and it is not done here either: nothing swaps
// an answer in there, so a form has to lead back to its page, and a search is a plain form.
