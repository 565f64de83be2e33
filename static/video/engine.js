// Plays a live HLS address in a <video>: by hls.js (loaded only then) where the browser has Media Source Extensions, by
// the browser itself where it has none. Chromium says that it plays HLS by itself, and then asks for a live playlist
// thirty times a second, where hls.js asks once for each segment.
//
// Both engines answer to the same words: start, stop, nudge, jump, lateS, edge, destroy.

const TYPE = "application/vnd.apple.mpegurl";
const EDGE_S = 6; // three segments of two seconds: where a native player is brought to
const NUDGE_S = 0.1;

/** @typedef {Native | ByScript} Engine */

// `wanted` is "native" or "hls" for tests and comparisons, anything else decides as above.
/** @param {HTMLVideoElement} video @param {string} url @param {string | undefined} wanted @returns {Promise<Engine>} */
export async function engineFor(video, url, wanted) {
  const byScript = "MediaSource" in globalThis || "ManagedMediaSource" in globalThis;
  const native = wanted === "native" || (wanted !== "hls" && !byScript && video.canPlayType(TYPE) !== "");
  if (native) return new Native(video, url);
  if (!globalThis.Hls) await import("../vendor/hls-light-1.7.4.min.js");
  const { Hls } = globalThis;
  if (!Hls?.isSupported()) throw new Error("this browser plays no HLS");
  return new ByScript(video, url, Hls);
}

/** @param {HTMLVideoElement} video */
function nudge(video) {
  if (video.readyState > 0) video.currentTime += NUDGE_S;
}

class Native {
  name = "native";

  /** @param {HTMLVideoElement} video @param {string} url */
  constructor(video, url) {
    this.video = video;
    this.url = url;
    video.src = url;
  }

  #edge() {
    const { seekable } = this.video;
    return seekable.length ? seekable.end(seekable.length - 1) : NaN;
  }

  start() {}

  // A native player goes on loading while it is paused; only letting go of the address stops it.
  stop() {}

  nudge() {
    nudge(this.video);
  }

  jump() {
    const edge = this.#edge();
    if (Number.isFinite(edge)) this.video.currentTime = Math.max(0, edge - EDGE_S);
  }

  lateS() {
    return this.#edge() - EDGE_S - this.video.currentTime;
  }

  // A native player does not say how far its playlist reaches, only how far one may seek since it was loaded.
  edge() {
    return NaN;
  }

  destroy() {
    this.video.removeAttribute("src");
    this.video.load();
  }
}

class ByScript {
  name = "hls";

  /** @param {HTMLVideoElement} video @param {string} url @param {NonNullable<typeof globalThis.Hls>} Hls */
  constructor(video, url, Hls) {
    this.video = video;
    // No worker: fragmented MP4 is passed through as it is, and a worker would need a blob to run from.
    this.hls = new Hls({ enableWorker: false, liveSyncDurationCount: 3, maxBufferLength: 12, backBufferLength: 8 });
    this.hls.on(Hls.Events.ERROR, (_, { fatal, type }) => {
      if (fatal && type === Hls.ErrorTypes.MEDIA_ERROR) this.hls.recoverMediaError();
    });
    this.hls.loadSource(url);
    this.hls.attachMedia(video);
  }

  start() {
    this.hls.startLoad();
  }

  stop() {
    this.hls.stopLoad();
  }

  nudge() {
    this.hls.startLoad(); // a fatal network error has stopped it
    nudge(this.video);
  }

  jump() {
    const edge = this.hls.liveSyncPosition;
    if (edge !== null && Number.isFinite(edge)) this.video.currentTime = edge;
  }

  lateS() {
    return this.hls.latency - (this.hls.targetLatency ?? 0);
  }

  edge() {
    return this.hls.latestLevelDetails?.endSN ?? NaN;
  }

  destroy() {
    this.hls.destroy();
  }
}
