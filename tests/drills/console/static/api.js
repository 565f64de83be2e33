// Calls of the console's own process. The token comes in the fragment of the address and stays in this tab.

const KEY = "outage-console-token";

export class Problem extends Error {
  /** @param {number} status @param {string} sentence */
  constructor(status, sentence) {
    super(sentence);
    this.status = status;
  }
}

/** Takes the token out of the address, so that it is in no bookmark and on no screen. */
export function takeToken() {
  const found = new URLSearchParams(location.hash.slice(1)).get("token");
  if (found) {
    sessionStorage.setItem(KEY, found);
    history.replaceState(null, "", location.pathname);
  }
}

/**
 * What `/api/<path>` answers; throws a Problem with a sentence for people.
 * @param {string} path
 * @param {object} [body] with it, a POST
 */
export async function call(path, body) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY) ?? ""}` };
  const request = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  /** @type {Response} */
  let answer;
  try {
    answer = await fetch(`/api/${path}`, { ...request, signal: AbortSignal.timeout(8000) });
  } catch {
    throw new Problem(0, "The console does not answer. Faults that are on heal by themselves when their time is over.");
  }
  const reply = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(answer.status, reply.problem ?? `The console answered ${answer.status}.`);
  return reply;
}
