// The picture of a live table: plays it, says how it is doing, brings it back, and steps aside for what is known
// without it.
//
// <figure data-stream="https://…/live.m3u8">
//   <video muted playsinline poster="…"></video>
//   <div data-stream-poster hidden>the last results</div>             shown while there is no picture
//   <p data-stream-words role="status"></p>                           what is going on, in words
//   <button type="button" data-stream-play hidden>Pause</button>      a picture that moves can be stopped
//   <button type="button" data-stream-sound hidden>Sound on</button>  it begins without sound, as browsers want it
//   <button type="button" data-stream-retry hidden>Try again</button>
// </figure>
//
// The figure's `data-stream-state` is connecting, live, behind, stalled or offline (see video/watch.js). Words are
// taken from `data-words-<state>` on the words' element, and from `data-words-on/-off` on the buttons, where given. A
// slot that is swapped keeps its picture: the <video> itself moves on into the next figure of the same address.

import { engineFor } from "./video/engine.js";
import { Watch } from "./video/watch.js";

const LOOK_MS = 500;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 3_000; // a picture is back within 10 s of its provider
const SWAP_MS = 1_000; // a figure that left is waited for this long, in case a swap brings it back

/** @typedef {import("./video/engine.js").Engine} Engine */
/** @typedef {import("./video/watch.js").PictureState} PictureState */

/** @type {Record<PictureState, string>} */
const WORDS = {
  connecting: "Connecting to the table…",
  live: "",
  behind: "The picture is late. Catching up…",
  stalled: "The picture has stopped. Trying to get it back…",
  offline: "No picture right now. The table goes on, and the picture comes back by itself.",
};

/** @type {Map<string, Stream>} */
const streams = new Map(); // by address

/** @param {FragmentRoot} root */
export function mount(root) {
  /** @type {NodeListOf<HTMLElement>} */
  const figures = root.querySelectorAll("[data-stream]");
  for (const figure of figures) {
    const url = figure.dataset.stream;
    if (!url) continue;
    const stream = streams.get(url);
    if (stream) stream.moveTo(figure, root);
    else streams.set(url, new Stream(url, figure, root));
  }
}

/** @param {FragmentRoot} root */
export function unmount(root) {
  for (const stream of streams.values()) if (stream.root === root) stream.left();
}

class Stream {
  /** @type {Engine | null} */
  #engine = null;
  /** @type {Watch | null} */
  #watch = null;
  #attempts = 0;
  /** @type {number | undefined} */
  #trying;
  /** @type {number | undefined} */
  #timer;
  /** @type {number | undefined} */
  #leaving;
  #paused = false; // by the player
  #listening = new AbortController();

  /** @param {string} url @param {HTMLElement} figure @param {FragmentRoot} root */
  constructor(url, figure, root) {
    this.url = url;
    this.video = figure.querySelector("video") ?? figure.appendChild(document.createElement("video"));
    this.video.muted = true;
    this.video.playsInline = true;
    this.figure = figure;
    this.root = root;
    this.#take(figure, root);
    this.hidden = () => (document.hidden ? this.#sleep() : this.#wake());
    document.addEventListener("visibilitychange", this.hidden);
    this.#paused = Boolean(navigator.connection?.saveData);
    this.#timer = setInterval(() => this.#look(), LOOK_MS);
    this.#begin("connecting");
  }

  /** @param {HTMLElement} figure @param {FragmentRoot} root */
  moveTo(figure, root) {
    clearTimeout(this.#leaving);
    const other = figure.querySelector("video");
    if (other !== this.video) {
      if (other) other.replaceWith(this.video);
      else figure.prepend(this.video);
    }
    this.#take(figure, root);
    this.#play();
  }

  left() {
    this.#leaving = setTimeout(() => this.#end(), SWAP_MS);
  }

  /** @param {HTMLElement} figure @param {FragmentRoot} root */
  #take(figure, root) {
    this.root = root;
    this.figure = figure;
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#part("play")?.addEventListener("click", () => this.#toggle(), { signal });
    this.#part("sound")?.addEventListener("click", () => this.#sound(), { signal });
    this.#part("retry")?.addEventListener("click", () => this.#again(), { signal });
    this.#show();
  }

  /** @param {"play" | "sound" | "retry" | "words" | "poster"} name @returns {HTMLElement | null} */
  #part(name) {
    return this.figure.querySelector(`[data-stream-${name}]`);
  }

  /** @param {PictureState} state */
  async #begin(state) {
    clearTimeout(this.#trying);
    this.#engine?.destroy();
    this.#engine = null;
    const watch = new Watch(performance.now(), { state, edge: this.#watch?.edge });
    this.#watch = watch;
    this.#show();
    try {
      const engine = await engineFor(this.video, this.url, this.figure.dataset.streamEngine);
      if (this.#watch !== watch) engine.destroy();
      else this.#engine = engine;
    } catch (error) {
      console.warn("video: it can not be played here", error);
      watch.state = "offline";
      this.#show();
      return;
    }
    this.figure.dataset.streamBy = this.#engine?.name ?? "";
    this.#play();
  }

  #play() {
    if (this.#paused || document.hidden) return;
    this.video.play().catch((error) => {
      // The browser wants to be asked by the player; a load that was broken off is the watch's business.
      if (error.name !== "NotAllowedError") return;
      this.#paused = true;
      this.#show();
    });
  }

  #look() {
    if (!this.#engine || !this.#watch) return;
    const now = performance.now();
    if (this.#paused || document.hidden) {
      this.#watch.rest(now);
      return;
    }
    const frames = this.video.getVideoPlaybackQuality().totalVideoFrames;
    const act = this.#watch.look(now, { frames, lateS: this.#engine.lateS(), edge: this.#engine.edge() });
    if (this.#watch.state === "live") this.#attempts = 0;
    if (act === "giveUp") this.#giveUp();
    else if (act === "reload") this.#reload();
    else if (act) {
      this.#engine[act]();
      this.#play();
    }
    this.#show();
  }

  // The same watch goes on: a reload is a rung of its ladder, not a beginning.
  async #reload() {
    const watch = this.#watch;
    if (!watch) return;
    this.#engine?.destroy();
    this.#engine = null;
    const engine = await engineFor(this.video, this.url, this.figure.dataset.streamEngine);
    if (this.#watch !== watch) return engine.destroy();
    watch.frames = null;
    this.#engine = engine;
    this.#play();
  }

  #giveUp() {
    this.#engine?.destroy();
    this.#engine = null;
    const most = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** this.#attempts);
    this.#attempts += 1;
    this.#trying = setTimeout(() => this.#begin("offline"), most / 2 + (Math.random() * most) / 2);
  }

  #again() {
    this.#attempts = 0;
    this.#begin("connecting");
  }

  #toggle() {
    this.#paused = !this.#paused;
    if (this.#paused) this.video.pause();
    else {
      this.#engine?.jump(); // nobody wants to see a bet that is long over
      this.#play();
    }
    this.#show();
  }

  #sound() {
    this.video.muted = !this.video.muted;
    this.#show();
  }

  #sleep() {
    this.video.pause();
    this.#engine?.stop();
  }

  #wake() {
    if (!this.#engine || !this.#watch) return;
    this.#watch.rest(performance.now());
    this.#engine.start();
    this.#engine.jump();
    this.#play();
  }

  #show() {
    const state = this.#watch?.state ?? "connecting";
    const figure = this.figure;
    if (figure.dataset.streamState !== state) figure.dataset.streamState = state;
    figure.toggleAttribute("data-stream-paused", this.#paused);
    const words = this.#part("words");
    const text = words?.dataset[`words${state[0].toUpperCase()}${state.slice(1)}`] ?? WORDS[state];
    if (words && words.textContent !== text) words.textContent = text;
    const offline = state === "offline";
    this.#set("poster", !offline);
    this.#set("retry", !offline);
    this.#set("play", offline, this.#paused ? "Play" : "Pause", this.#paused);
    this.#set("sound", offline, this.video.muted ? "Sound on" : "Sound off", this.video.muted);
  }

  /**
   * @param {"play" | "sound" | "retry" | "poster"} name @param {boolean} hidden @param {string} label @param {boolean} off
   */
  #set(name, hidden, label = "", off = false) {
    const part = this.#part(name);
    if (!part) return;
    part.hidden = hidden;
    const text = (off ? part.dataset.wordsOff : part.dataset.wordsOn) ?? label;
    if (label && part.textContent !== text) part.textContent = text;
  }

  #end() {
    clearInterval(this.#timer);
    clearTimeout(this.#trying);
    document.removeEventListener("visibilitychange", this.hidden);
    this.#listening.abort();
    this.#watch = null;
    this.#engine?.destroy();
    this.#engine = null;
    streams.delete(this.url);
  }
}
