// What each slot of an open page shows and offers: its words, the computed style of some of its elements, and whether
// what can be pressed can be pressed. `masks` are selectors whose words differ by right between two loads.
async ({ masks, properties, elementsMax, actionsMax }) => {
  const rootOf = (slot) => slot.shadowRoot ?? slot;
  const words = (node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE && node.nodeType !== Node.DOCUMENT_FRAGMENT_NODE) return "";
    if (node.matches?.("style, script, template")) return "";
    if (masks.length && node.matches?.(masks.join(","))) return " ~ ";
    return [...node.childNodes].map(words).join("");
  };
  const place = (element, root) => {
    const steps = [];
    for (let at = element; at && at !== root; at = at.parentElement) {
      const name = at.localName === "fragment-slot" ? `[slot=${at.slot}]` : "";
      steps.unshift(`${at.localName}${name}${at.classList.length ? `.${at.classList[0]}` : ""}`);
    }
    return steps.slice(-3).join(" > ");
  };
  const styles = (root) => {
    const left = "style, script, template, link, [data-live], [data-live] *";
    const all = [...root.querySelectorAll("*")].filter((each) => !each.matches(left));
    const step = Math.max(1, all.length / elementsMax);
    const chosen = Array.from({ length: Math.min(all.length, elementsMax) }, (_, n) => all[Math.floor(n * step)]);
    return chosen.map((element) => {
      const computed = getComputedStyle(element);
      const live = element.matches("[data-countdown]") || element.querySelector("[data-live], [data-countdown]");
      const sized = live ? properties.filter((name) => name !== "width" && name !== "height") : properties;
      return [place(element, root), Object.fromEntries(sized.map((name) => [name, computed.getPropertyValue(name)]))];
    });
  };
  const reach = (element, root) => {
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) return "it can not be seen";
    if (element.matches(":disabled, [aria-disabled=true]")) return "it is disabled";
    if (element.closest("[inert]")) return "it is inert";
    element.scrollIntoView({ block: "center", behavior: "instant" });
    const [box] = element.getClientRects();
    if (!box) return "it has no place on the page";
    const hit = root.elementFromPoint?.(box.x + box.width / 2, box.y + box.height / 2) ?? null;
    return hit && (hit === element || element.contains(hit) || hit.contains(element))
      ? ""
      : `something covers it: ${hit ? place(hit, null) : "nothing of this page"}`;
  };
  const actions = (root) =>
    [...root.querySelectorAll("a[href], button, select, textarea, input:not([type=hidden])")]
      .slice(0, actionsMax)
      .map((element) => {
        const name = (element.getAttribute("aria-label") ?? element.innerText ?? "").replace(/\s+/g, " ").trim();
        const detail = reach(element, element.getRootNode());
        return { name: `${element.localName}: ${(name || element.name || element.id).slice(0, 60)}`, detail };
      });
  const readAgain = async (slot) => {
    const address = slot.getAttribute("hx-get") ?? slot.dataset.prefix;
    const name = `read again: GET ${new URL(address, location.href).pathname}`;
    try {
      const answer = await fetch(address, { headers: { Accept: "text/html" } });
      const state = /data-state="(\w+)"/.exec(await answer.text())?.[1] ?? "no slot";
      return { name, detail: answer.ok && state === "fresh" ? "" : `${answer.status}, ${state}` };
    } catch (error) {
      return { name, detail: String(error) };
    }
  };
  const { scrollX, scrollY } = window;
  const found = [];
  for (const slot of document.querySelectorAll("fragment-slot[data-state]")) {
    const root = rootOf(slot);
    found.push({
      slot: slot.getAttribute("slot") ?? "",
      state: slot.dataset.state,
      text: words(root).replace(/\s+/g, " ").trim(),
      styles: styles(root),
      actions: [...actions(root), await readAgain(slot)],
    });
  }
  scrollTo({ left: scrollX, top: scrollY, behavior: "instant" });
  return found;
}
