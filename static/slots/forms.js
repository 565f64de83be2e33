// Forms of a slot, which work without any of this: sent and answered in their place, once, and visibly.

import { endNotice } from "./notice.js";

// A form under the slot's own prefix answers with the slot: swap it in place.
/** @param {HTMLFormElement} form @param {HTMLElement} slot */
export function enhance(form, slot) {
  const action = form.getAttribute("action") ?? "";
  if (form.method !== "post" || !action.startsWith(`${slot.dataset.prefix}/`)) return;
  form.setAttribute("hx-post", action);
  form.setAttribute("hx-target", targetOf(form, slot));
  form.setAttribute("hx-swap", "outerHTML");
  // A form without a key of its own has one for as long as it stands: sent again, it is still the same command.
  if (!form.querySelector("[name=idempotency_key]") && !form.hasAttribute("hx-headers")) {
    const key = [...crypto.getRandomValues(new Uint8Array(16))]
      .map((byte) => byte.toString(16).padStart(2, "0"))
      .join("");
    form.setAttribute("hx-headers", JSON.stringify({ "Idempotency-Key": key }));
  }
  form.setAttribute("hx-sync", "this:drop"); // a second click while the first is under way is the same click
}

// How htmx finds the slot from a form in it: a shadow root that the fragment has brought may be around the form.
/** @param {HTMLFormElement} form @param {HTMLElement} slot */
function targetOf(form, slot) {
  const root = form.getRootNode();
  if (root === slot.shadowRoot) return "host";
  return root instanceof ShadowRoot ? `global #${CSS.escape(slot.id)}` : "closest fragment-slot";
}

// While a form is under way its button says so, and a second press does nothing.
document.addEventListener("htmx:beforeRequest", (event) => working(event, true));
document.addEventListener("htmx:afterRequest", (event) => working(event, false));

/** @param {CustomEvent<HtmxDetail>} event @param {boolean} on */
function working(event, on) {
  const form = event.detail.elt;
  if (form.localName !== "form") return;
  if (on) endNotice(); // what was said of the form before is over
  form.toggleAttribute("aria-busy", on);
  for (const button of form.querySelectorAll("button")) button.toggleAttribute("data-busy", on);
}
