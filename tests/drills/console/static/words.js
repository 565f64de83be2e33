// Figures and states as people read them.

/** @param {number | null} perS */
export function rate(perS) {
  if (perS === null) return "";
  if (perS === 0) return "idle";
  return perS < 10 ? `${perS.toFixed(1)}/s` : `${Math.round(perS)}/s`;
}

/** @param {number} ms */
export function took(ms) {
  return ms < 950 ? `${ms} ms` : `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
}

/** @param {number} seconds */
export function left(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** @param {string} hop */
export function arrow(hop) {
  return hop.replace(":", " → ");
}

/** @param {string[]} names */
export function list(names) {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

/** @param {string} slot */
export function slotName(slot) {
  return slot === "page" ? "the page" : slot;
}

/** A hop in one sentence, for whoever hears it. @param {Hop} hop */
export function sentence(hop) {
  const way = `From ${hop.caller} to ${hop.called}`;
  if (hop.state === "absent") return `${way}: can not be broken, ${hop.why}`;
  const traffic = hop.per_s === null ? "" : `, ${hop.per_s} a second over ${hop.connections} connections`;
  const breakers = hop.breakers.filter((each) => each.position !== "closed");
  const moved = breakers.map((each) => `, breaker ${each.position.replace("_", " ")}`)[0] ?? "";
  const broken = hop.faults.map((each) => `${each.words} for ${each.whom}`).join(", and ");
  return broken ? `${way}: broken, ${broken}${moved}` : `${way}: well${traffic}${moved}`;
}
