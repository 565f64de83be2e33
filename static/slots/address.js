// What a slot is asked when it is read again: what the page's address asks of it (`/games/?catalogue.search=lan`), and the
// receipt of what its player did. Both stand in the slot's `hx-get` under the slot's own name.

/** @param {HTMLElement} slot @param {string} name */
function isQuestion(slot, name) {
  return name.startsWith(`${slot.slot}.`) && name !== `${slot.slot}.receipt`;
}

/** @param {HTMLElement} slot */
function addressOf(slot) {
  return new URL(slot.getAttribute("hx-get") ?? "", location.href);
}

/** @param {HTMLElement} slot @param {URL} address */
function setAddress(slot, address) {
  slot.setAttribute("hx-get", address.pathname + address.search);
  const own = [...address.searchParams].filter(([name]) => name.startsWith(`${slot.slot}.`));
  slot.dataset.query = new URLSearchParams(own).toString();
}

/** @param {HTMLElement} slot @param {URL} address @param {[string, string][]} question */
function replaceQuestion(slot, address, question) {
  for (const name of [...address.searchParams.keys()]) if (isQuestion(slot, name)) address.searchParams.delete(name);
  for (const [name, value] of question) if (isQuestion(slot, name)) address.searchParams.append(name, value);
}

// The answer to a form says nothing of what the page asks; the page still asks it.
/** @param {HTMLElement} slot @param {HTMLElement} incoming */
export function keepQuestion(slot, incoming) {
  const question = [...addressOf(slot).searchParams].filter(([name]) => isQuestion(slot, name));
  if (!question.length) return;
  const address = addressOf(incoming);
  replaceQuestion(incoming, address, question);
  setAddress(incoming, address);
}

// From here on the page asks `slot` for `query`, and its address says so. Names of others are left out.
/** @param {HTMLElement} slot @param {string} query */
export function askFor(slot, query) {
  const question = [...new URLSearchParams(query)];
  const page = new URL(location.href);
  const address = addressOf(slot);
  for (const each of [page, address]) replaceQuestion(slot, each, question);
  history.replaceState(history.state, "", page);
  setAddress(slot, address);
}

/** @param {HTMLElement} slot */
export function forgetReceipt(slot) {
  const receipt = `${slot.slot}.receipt`;
  const page = new URL(location.href);
  page.searchParams.delete(receipt);
  history.replaceState(history.state, "", page);
  const address = addressOf(slot);
  address.searchParams.delete(receipt);
  setAddress(slot, address);
}
