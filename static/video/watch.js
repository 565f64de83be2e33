// Tells from frames and playhead how a live picture is doing, and what to do about it. Pure: time is passed in.
//
// States: connecting (no frame yet) · live (frames come) · behind (frames come, but from too long ago) · stalled (no
// frame for a while) · offline (given up for the moment). Acts: nudge, jump (to the live edge), reload, giveUp.

/** @typedef {"connecting" | "live" | "behind" | "stalled" | "offline"} PictureState */
/** @typedef {"nudge" | "jump" | "reload" | "giveUp"} Act */
/** @typedef {[act: Act, after: "nudgeMs" | "jumpMs" | "reloadMs" | "giveUpMs" | "connectReloadMs" | "connectGiveUpMs"]} Rung */

export const POLICY = {
  stallMs: 2_500, // without a frame; seen within 5 s whatever the socket says
  nudgeMs: 2_500, // each of these counts from the last frame
  jumpMs: 4_500,
  reloadMs: 7_000,
  giveUpMs: 14_000,
  connectReloadMs: 4_000,
  connectGiveUpMs: 8_000,
  behindS: 6, // further from the live edge than the player wants to be
  behindMs: 3_000, // this long, before it jumps
  steadyMs: 1_000, // frames have to come this long before offline is over
};

/** @type {Rung[]} */
const LADDER = [
  ["nudge", "nudgeMs"],
  ["jump", "jumpMs"],
  ["reload", "reloadMs"],
  ["giveUp", "giveUpMs"],
];
/** @type {Rung[]} */
const CONNECTING = [
  ["reload", "connectReloadMs"],
  ["giveUp", "connectGiveUpMs"],
];

export class Watch {
  // `state` is what is shown at first: connecting, or offline while a picture that was given up is tried again; `edge`
  // is then the last that was seen of it.
  /** @param {number} now @param {{policy?: typeof POLICY, state?: PictureState, edge?: number}} options */
  constructor(now, { policy = POLICY, state = "connecting", edge = NaN } = {}) {
    this.policy = policy;
    this.state = state;
    this.edge = edge;
    this.passed = edge; // a picture that was lost is back when its edge is beyond this
    /** @type {number | null} */
    this.frames = null;
    this.frameAt = now;
    /** @type {number | null} */
    this.since = null; // when frames began to come without a break
    /** @type {number | null} */
    this.behindAt = null;
    this.done = 0; // rungs of the ladder that were taken since the last frame
  }

  // A pause that is wanted (a hidden page, the player's own) proves nothing.
  /** @param {number} now */
  rest(now) {
    this.frameAt = now;
    this.since = null;
    this.behindAt = null;
    this.done = 0;
  }

  // `frames` shown so far, `lateS` seconds behind where the player wants to be, `edge` a number that grows with the
  // stream (NaN where none is known). Returns the act that is due, or "".
  /**
   * @param {number} now @param {{frames: number, lateS: number, edge?: number}} picture
   * @returns {Act | ""}
   */
  look(now, { frames, lateS, edge = NaN }) {
    if (edge > this.edge || Number.isNaN(this.edge)) this.edge = edge;
    const moved = this.frames !== null && frames > this.frames;
    this.frames = frames;
    if (!moved || this.#isRepeat()) return this.#quiet(now);
    this.frameAt = now;
    this.since ??= now;
    this.done = 0;
    if (this.state === "offline" && now - this.since < this.policy.steadyMs) return "";
    return this.#moving(now, lateS);
  }

  // A playlist that stands still has old segments to show again after every reload: frames, but no news.
  #isRepeat() {
    return this.state !== "live" && this.state !== "behind" && this.edge <= this.passed;
  }

  /** @param {number} now @param {number} lateS @returns {Act | ""} */
  #moving(now, lateS) {
    if (!(lateS > this.policy.behindS)) {
      this.behindAt = null;
      this.state = "live";
      return "";
    }
    this.behindAt ??= now;
    this.state = "behind";
    if (now - this.behindAt < this.policy.behindMs) return "";
    this.behindAt = now;
    return "jump";
  }

  /** @param {number} now @returns {Act | ""} */
  #quiet(now) {
    const quiet = now - this.frameAt;
    if (quiet >= this.policy.stallMs) {
      this.since = null;
      this.behindAt = null;
      if (this.state === "live" || this.state === "behind") {
        this.state = "stalled";
        this.passed = this.edge;
      }
    }
    const ladder =
      this.state === "stalled" ? LADDER : this.state === "connecting" || this.state === "offline" ? CONNECTING : [];
    const rung = ladder[this.done];
    if (!rung || quiet < this.policy[rung[1]]) return "";
    this.done += 1;
    if (rung[0] === "giveUp") this.state = "offline";
    return rung[0];
  }
}
