// The parameters of one fault as fields, with their bounds.
import { el } from "./dom.js";

export class Parameters {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {Parameter[]} */
    this.offered = [];
  }

  /** @param {Parameter[]} parameters */
  offer(parameters) {
    this.offered = parameters;
    this.root.replaceChildren(
      ...parameters.map((each) =>
        el("label", { class: "field" }, el("span", {}, each.name), field(each), el("small", {}, hint(each))),
      ),
    );
  }

  values() {
    const fields = /** @type {NodeListOf<HTMLInputElement | HTMLSelectElement>} */ (
      this.root.querySelectorAll("input, select")
    );
    const values = [...fields].map((each, place) => [
      each.name,
      this.offered[place]?.number ? Number(each.value) : each.value,
    ]);
    return Object.fromEntries(values);
  }
}

/** @param {Parameter} parameter */
function field(parameter) {
  const { name, value, least, most, choices, number } = parameter;
  if (choices.length) {
    const select = el("select", { name }, ...choices.map((choice) => el("option", { value: choice }, choice)));
    select.value = String(value);
    return select;
  }
  if (!number) return el("input", { name, value: String(value), maxlength: "256", autocomplete: "off" });
  return el("input", {
    type: "number",
    name,
    value: String(value),
    min: String(least),
    max: String(most),
    step: "1",
    required: "",
    inputmode: "numeric",
  });
}

/** @param {Parameter} parameter */
function hint(parameter) {
  return parameter.number
    ? `${parameter.claim}; ${parameter.least} to ${parameter.most.toLocaleString("en")}`
    : parameter.claim;
}
