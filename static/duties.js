// The time a player has been signed in, and the look up from the game that falls due now and then. Both stand in the
// page without a script; this keeps the clock going and puts the question in front when its time comes.
//
// Time since the page was made is counted by this device, so it does not matter what its clock says.

const TICK_MS = 5_000;
const AGAIN_S = 60; // after an answer that did not reach the shell

const began = Date.now();
/** @type {NodeListOf<HTMLElement>} */
const clocks = document.querySelectorAll("[data-session-s]");
// The page has the question before this script, and no script where it has no question.
const check = /** @type {HTMLDialogElement} */ (document.getElementById("reality-check"));
const tabs = "BroadcastChannel" in window ? new BroadcastChannel("mullion:reality-check") : null;
let dueAt = began + Number(check.dataset.dueS) * 1000;

/** @param {number} seconds */
function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

function tick() {
  for (const clock of clocks) {
    const atFirst = Number(clock.dataset.sessionS);
    if (!atFirst && clock.textContent === "–") continue; // a session that does not know when it began
    const shown = words(atFirst + (Date.now() - began) / 1000);
    if (clock.textContent !== shown) clock.textContent = shown;
  }
  if (Date.now() >= dueAt && !check.open) {
    delete check.dataset.reality;
    check.showModal();
  }
}

/** @param {number} seconds */
function answered(seconds) {
  dueAt = Date.now() + seconds * 1000;
  delete check.dataset.reality;
  if (check.open) check.close();
}

check.addEventListener("cancel", (event) => event.preventDefault()); // only an answer closes it
check.querySelector("form")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const every = Number(check.dataset.everyS);
  try {
    const answer = await fetch("/reality-check/", { method: "POST", signal: AbortSignal.timeout(5_000) });
    answered(answer.ok ? every : AGAIN_S);
    if (answer.ok) tabs?.postMessage("answered");
  } catch (error) {
    console.debug("the look up was not written down", error);
    answered(AGAIN_S);
  }
});
tabs?.addEventListener("message", () => answered(Number(check.dataset.everyS)));

setInterval(tick, TICK_MS);
document.addEventListener("visibilitychange", tick);
tick();
