// An answer that brings a slot takes its place here, in every browser in the same way: where one has no parser for
// declarative shadow roots (`Document.parseHTMLUnsafe`), htmx would put an empty element in the place of a fallback.

// The slot that `html` brings, not in the page yet; null unless it is whole. What shows is never swapped into nothing.
export function incomingSlot(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const slot = holder.content.querySelector("fragment-slot");
  const whole = slot && contentOf(slot).querySelector("fragment-end");
  return whole ? slot : null;
}

// What `slot` holds, whether its shadow root is attached or still a template.
export function contentOf(slot) {
  return slot.shadowRoot ?? slot.querySelector(":scope > template[shadowrootmode]")?.content ?? slot;
}

// Puts `answer` where `slot` stands. Focus, and what was opened to be read, are found again in it.
export function replaceSlot(slot, answer) {
  const incoming = withRoot(answer);
  const focus = focusIn(slot);
  const opened = openedIn(slot);
  slot.replaceWith(incoming);
  for (const details of contentOf(incoming).querySelectorAll("details")) {
    if (opened.has(details.textContent)) details.open = true;
  }
  if (focus) giveFocus(incoming, focus);
}

// A root that is attached while its host is not in this document has no custom elements, also later.
function withRoot(answer) {
  const slot = document.importNode(answer, true);
  const template = slot.querySelector(":scope > template[shadowrootmode]");
  if (!template) return slot;
  const root = slot.attachShadow({ mode: template.getAttribute("shadowrootmode") });
  root.append(document.importNode(template.content, true));
  template.remove();
  return slot;
}

function openedIn(slot) {
  return new Set([...contentOf(slot).querySelectorAll("details[open]")].map((details) => details.textContent));
}

function focusIn(slot) {
  const root = slot.shadowRoot;
  const focused = root ? root.activeElement : slot.contains(document.activeElement) ? document.activeElement : null;
  if (!focused) return document.activeElement === slot ? { name: "" } : null;
  const selection = "selectionStart" in focused ? [focused.selectionStart, focused.selectionEnd] : null;
  return { id: focused.id, name: describe(focused), localName: focused.localName, selection };
}

// What tells one control of a fragment from another when the fragment is made anew.
function describe(element) {
  const words = element.localName === "button" || element.localName === "a" ? element.textContent.trim() : "";
  return [element.getAttribute("name"), element.getAttribute("value"), element.getAttribute("href"), words].join("\n");
}

// Where the control is gone, the slot itself holds the place, so that the next Tab goes on from here.
function giveFocus(slot, { id, name, localName, selection }) {
  const same = localName ? [...contentOf(slot).querySelectorAll(localName)] : [];
  const found = (id && same.find((each) => each.id === id)) || same.find((each) => describe(each) === name);
  found?.focus({ preventScroll: true });
  const root = slot.shadowRoot;
  if (found && (root ? root.activeElement : document.activeElement) === found) {
    if (selection?.[0] != null) found.setSelectionRange(...selection);
    return;
  }
  slot.tabIndex = -1;
  slot.focus({ preventScroll: true });
}
