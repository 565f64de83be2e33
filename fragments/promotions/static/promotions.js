// Counts every offer's end down on the server's time, and says so when it has come. Nothing else needs a script here.

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86400;

/** @typedef {{element: HTMLTimeElement, ends: number, ahead: number, over: boolean}} Clock */

/** @param {number} seconds */
const words = (seconds) => {
  if (seconds >= DAY) return `${Math.floor(seconds / DAY)} d ${Math.floor((seconds % DAY) / HOUR)} h`;
  if (seconds >= HOUR) return `${Math.floor(seconds / HOUR)} h ${Math.floor((seconds % HOUR) / MINUTE)} min`;
  if (seconds >= MINUTE) return `${Math.floor(seconds / MINUTE)} min ${Math.floor(seconds % MINUTE)} s`;
  return `${Math.max(0, Math.floor(seconds))} s`;
};

/** @param {Clock} clock @param {number} now */
const tick = (clock, now) => {
  const seconds = (clock.ends - now - clock.ahead) / 1000;
  const text = words(seconds);
  if (clock.element.textContent !== text) clock.element.textContent = text;
  if (seconds > 0) return;
  clock.over = true;
  // Before the words replace it: a clock that has left the page stands in no offer any more.
  const offer = clock.element.closest(".offer");
  for (const button of offer?.querySelectorAll("button") ?? []) button.disabled = true;
  const ends = clock.element.closest(".ends");
  if (ends) ends.textContent = clock.element.dataset.over || "This offer has ended";
};

// `ahead` is how far the server's clock is before this one: a wrong clock on this device changes nothing.
/** @type {Mount} */
export default function mount(root, { signal }) {
  const started = Date.now();
  /** @type {NodeListOf<HTMLTimeElement>} */
  const elements = root.querySelectorAll("time[data-countdown]");
  const clocks = [...elements].map((element) => ({
    element,
    ends: Date.parse(element.dateTime),
    ahead: Date.parse(element.dataset.serverNow ?? "") - started,
    over: false,
  }));
  const run = () => {
    for (const clock of clocks) if (!clock.over) tick(clock, Date.now());
  };
  run();
  const timer = setInterval(run, 1000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
}

// A slot of the shell calls `mount` and stands in a shadow root. In a page of another layout nobody does, so it is done here.
for (const frame of document.querySelectorAll(".frame-promotions")) {
  if (frame instanceof HTMLElement && !frame.closest("fragment-slot"))
    mount(frame, { signal: new AbortController().signal });
}
