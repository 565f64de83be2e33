// Whether somebody is at work in a slot: what they hold or have typed is theirs, and nothing that arrives may take it.

export function busy(slot) {
  const root = slot.shadowRoot ?? slot;
  const focused = slot.shadowRoot ? slot.shadowRoot.activeElement : slot.contains(document.activeElement);
  if (focused && focused !== document.body) return true;
  return [...root.querySelectorAll("input:not([type=hidden]), textarea, select")].some(edited);
}

function edited(field) {
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (field.localName === "textarea") return field.value !== field.defaultValue;
  if (field.localName === "input") return field.value !== valueAtFirst(field);
  const options = [...field.options];
  if (field.multiple) return options.some((option) => option.selected !== option.defaultSelected);
  const marked = options.findLastIndex((option) => option.defaultSelected);
  const atFirst = marked >= 0 ? marked : options.findIndex((option) => !option.disabled);
  return field.selectedIndex !== atFirst;
}

// A slider or a colour has a value that nobody wrote into its markup.
function valueAtFirst(field) {
  if (field.type !== "range" && field.type !== "color") return field.defaultValue;
  const twin = document.createElement("input");
  for (const name of ["type", "min", "max", "step", "value"]) {
    if (field.hasAttribute(name)) twin.setAttribute(name, field.getAttribute(name));
  }
  return twin.value;
}
