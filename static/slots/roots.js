// The trees of a slot: its own, and the shadow roots that stand in it, also while they are templates yet.

/** @typedef {ShadowRoot | HTMLElement | DocumentFragment} Tree */

// `tree` and each that stands in it, outer ones first; a slot inside is not of it.
/** @template {Tree} T @param {T} tree @returns {(T | ShadowRoot | DocumentFragment)[]} */
export function treesOf(tree) {
  /** @type {(T | ShadowRoot | DocumentFragment)[]} */
  const trees = [tree];
  for (const each of trees) {
    for (const element of each.querySelectorAll("*")) {
      if (element.localName === "fragment-slot") continue;
      if (element.shadowRoot) trees.push(element.shadowRoot);
      else if (declaresRoot(element)) trees.push(element.content);
    }
  }
  return trees;
}

// All that fits `selector` in `tree` and in what stands in it.
/** @template {Element} E @param {Tree} tree @param {string} selector @returns {E[]} */
export function findAll(tree, selector) {
  return treesOf(tree).flatMap((each) => [.../** @type {NodeListOf<E>} */ (each.querySelectorAll(selector))]);
}

// What has the focus in `tree`, whichever root it stands in.
/** @param {DocumentOrShadowRoot} tree @returns {Element | null} */
export function focusedIn(tree) {
  let focused = tree.activeElement;
  while (focused?.shadowRoot?.activeElement) focused = focused.shadowRoot.activeElement;
  return focused;
}

/** @param {Element} element @returns {element is HTMLTemplateElement} */
function declaresRoot(element) {
  return element instanceof HTMLTemplateElement && element.hasAttribute("shadowrootmode");
}

// Makes shadow roots of the templates in `tree` that declare them, as a parser does. An element whose script has made its
// own root already keeps that.
/** @param {Tree} tree */
export function attachRoots(tree) {
  for (const template of tree.querySelectorAll("template")) {
    const host = template.parentElement;
    if (!host || !declaresRoot(template)) continue;
    template.remove();
    if (host.shadowRoot) continue;
    const root = host.attachShadow({
      mode: "open",
      delegatesFocus: template.hasAttribute("shadowrootdelegatesfocus"),
    });
    root.append(document.importNode(template.content, true));
    attachRoots(root);
  }
}

// The slot of the fragment that `element` is a part of.
/** @param {Element} element */
export function slotAround(element) {
  /** @type {Element | null} */
  let at = element;
  while (at) {
    const slot = at.closest("fragment-slot");
    const root = at.getRootNode();
    if (slot || !(root instanceof ShadowRoot)) return slot;
    at = root.host;
  }
  return null;
}
