// Scripts that were written for the head of a page wait for `DOMContentLoaded` or `load`. A fragment's content, and with it
// its scripts, may come after both: whoever waits for what is over is called at once.

/** @param {EventTarget} target @param {string} type @param {() => boolean} isOver */
function callLate(target, type, isOver) {
  const listen = target.addEventListener;
  /** @param {string} name @param {EventListenerOrEventListenerObject | null} listener @param {boolean | AddEventListenerOptions} [options] */
  target.addEventListener = (name, listener, options) => {
    listen.call(target, name, listener, options);
    const signal = typeof options === "object" ? options.signal : undefined;
    if (name !== type || !isOver() || !listener) return;
    queueMicrotask(() => {
      if (signal?.aborted) return;
      const event = new Event(type);
      if (typeof listener === "function") listener.call(target, event);
      else listener.handleEvent(event);
    });
  };
}

/** @param {"domContentLoadedEventStart" | "loadEventStart"} moment */
function isPast(moment) {
  const [navigation] = performance.getEntriesByType("navigation");
  return /** @type {PerformanceNavigationTiming} */ (navigation)[moment] > 0;
}

export function callLateListeners() {
  for (const target of [document, window]) {
    callLate(target, "DOMContentLoaded", () => isPast("domContentLoadedEventStart"));
  }
  callLate(window, "load", () => isPast("loadEventStart"));
}
