// One socket a page: opened with a ticket, watched, and opened again after a random while.
//
// How late the page is, is told by when the server was last heard, whatever the socket says about itself: a half-open
// one says nothing at all.

const DELAYED_MS = 10_000;
const OFF_MS = 15_000;
const RETRY_MS = 500;
const RETRY_MS_MAX = 6_000; // a page is live again within seven seconds; the later half of it is chance
const RETURN_MS = 5_000; // when everybody is sent away at once, everybody takes this long to come back
const LIVED_MS = 5_000; // a socket that was open for less counts as another failure
const REFUSED_MAX = 3; // attempts in a row that never opened, after which the page polls
const TICKET_MS_MAX = 5_000;
const TICKET_JITTER_MS = 10_000;
const TOPICS_A_MESSAGE = 50;

const CLOSE_EVERYBODY = new Set([1001, 1012, 1013, 4013]);
const CLOSE_IDLE = 4408;

/**
 * What the page hears of its connection.
 *
 * @typedef {object} Listener
 * @property {(message: LiveMessage) => void} message
 * @property {(ms: number, whose: "feeds" | "shell") => void} serverTime
 * @property {() => void} opened
 * @property {(topics: string[]) => void} left
 * @property {() => void} sessionEnded
 */

/** @typedef {LiveMessage & {heartbeat?: number, notice?: string, refused?: string, topics?: string[]}} FromServer */

export class Connection {
  #url;
  #on;
  /** @type {Set<string>} */
  #wanted = new Set();
  /** @type {Set<string>} */
  #sent = new Set();
  /** @type {WebSocket | null} */
  #socket = null;
  #opening = false;
  #running = false;
  /** @type {number | undefined} */
  #retry;
  /** @type {number | undefined} */
  #flush;
  #failures = 0; // in a row, for the next wait
  #refusals = 0; // in a row without a word from the server
  #receivedAt = 0;
  #triedAt = 0;
  /** @type {number | null} */
  #lateSince = null;
  /** @type {string | null} */
  #player = null;

  /** @param {string} ticketUrl @param {Listener} on */
  constructor(ticketUrl, on) {
    this.#url = ticketUrl;
    this.#on = on;
  }

  // "live", "delayed" or "off", at performance.now() `now`.
  /** @param {number} now */
  state(now) {
    if (this.#wanted.size === 0) return "live";
    if (this.#refusals >= REFUSED_MAX) return "off";
    const late = this.#lateSince === null ? 0 : now - this.#lateSince + DELAYED_MS;
    const age = Math.max(now - this.#receivedAt, late);
    return age < DELAYED_MS ? "live" : age < OFF_MS ? "delayed" : "off";
  }

  /** @param {Set<string>} topics */
  want(topics) {
    if (this.#wanted.size === 0) this.#receivedAt = performance.now();
    this.#wanted = topics;
    clearTimeout(this.#flush);
    this.#flush = setTimeout(() => this.#sync(), 50); // fragments arrive one by one; their topics go together
  }

  start() {
    if (this.#running) return;
    this.#running = true;
    this.#failures = this.#refusals = 0;
    this.#receivedAt = performance.now();
    this.#lateSince = null;
    this.#open();
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#retry);
    this.#drop();
  }

  // Called every second: a socket that has fallen silent is as good as closed.
  /** @param {number} now */
  watch(now) {
    if (this.#socket && now - Math.max(this.#receivedAt, this.#triedAt) > OFF_MS) {
      this.#drop();
      this.#failed();
    }
  }

  // Ask for the server's time without a socket.
  async time() {
    await this.#ticket().catch((error) => console.debug("live: no time", error));
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    this.#sent.clear();
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close(1000);
    }
  }

  async #open() {
    if (!this.#running || this.#socket || this.#opening || this.#wanted.size === 0) return;
    clearTimeout(this.#retry);
    this.#opening = true;
    try {
      const { ticket, url } = await this.#ticket();
      if (this.#running) this.#connect(url, ticket);
    } catch (error) {
      console.debug("live: no ticket", error);
      this.#failed();
    } finally {
      this.#opening = false;
    }
  }

  /** @returns {Promise<{ticket: string, url: string}>} */
  async #ticket() {
    const answer = await fetch(this.#url, { cache: "no-store", signal: AbortSignal.timeout(TICKET_MS_MAX) });
    const sent = Date.parse(answer.headers.get("date") ?? "");
    if (sent) this.#on.serverTime(sent, "shell");
    if (!answer.ok) throw new Error(`the shell answered ${answer.status}`);
    const { ticket, url } = await answer.json();
    const player = JSON.parse(atob(ticket.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).sub;
    if (this.#player && this.#player !== player) this.#on.sessionEnded();
    this.#player = player;
    return { ticket, url };
  }

  // The ticket travels beside the protocol's name: no proxy writes that down, as it does with addresses.
  /** @param {string} url @param {string} ticket */
  #connect(url, ticket) {
    const socket = new WebSocket(url, ["mullion.live", `mullion.ticket.${ticket}`]);
    let openedAt = Infinity;
    socket.onopen = () => {
      openedAt = performance.now();
      this.#on.opened();
      this.#sync();
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = ({ code }) => {
      this.#drop();
      if (code === CLOSE_IDLE && this.#wanted.size === 0) return;
      if (performance.now() - openedAt < LIVED_MS || openedAt === Infinity) this.#failed();
      else this.#again(CLOSE_EVERYBODY.has(code) ? RETURN_MS : RETRY_MS);
    };
    this.#socket = socket;
    this.#triedAt = performance.now();
  }

  // Full jitter while it may have been a blink; where the longest wait is reached, half of it stands, so that a crowd
  // that is shut out for long asks for no more tickets than it must.
  #failed() {
    this.#failures += 1;
    this.#refusals += 1;
    const mostMs = Math.min(RETRY_MS * 2 ** Math.min(this.#failures, 10), RETRY_MS_MAX);
    this.#again(mostMs, mostMs === RETRY_MS_MAX ? mostMs / 2 : 0);
  }

  /** @param {number} mostMs @param {number} leastMs */
  #again(mostMs, leastMs = 0) {
    if (!this.#running) return;
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), leastMs + Math.random() * (mostMs - leastMs));
  }

  /** @param {string} raw */
  #receive(raw) {
    /** @type {FromServer} */
    let message;
    try {
      message = JSON.parse(raw);
    } catch {
      console.warn("live: a message that is not JSON was left out");
      return;
    }
    this.#receivedAt = performance.now();
    this.#refusals = 0;
    if (message.heartbeat) this.#beat(message.heartbeat);
    else if (message.topic) this.#on.message(message);
    else if (message.notice === "delayed") this.#lateSince ??= performance.now();
    else if (message.notice === "live") this.#lateSince = null;
    else if (message.notice === "ticket") this.#prove();
    else if (message.refused) console.warn(`live: ${message.refused}`, message.topics);
  }

  /** @param {number} serverMs */
  #beat(serverMs) {
    this.#failures = 0;
    this.#on.serverTime(serverMs, "feeds");
  }

  // The server wants to know that the session goes on. Every page is asked at once, so each answers in its own time.
  #prove() {
    const socket = this.#socket;
    setTimeout(async () => {
      try {
        const { ticket } = await this.#ticket();
        if (socket === this.#socket) socket?.send(JSON.stringify({ ticket }));
      } catch (error) {
        console.debug("live: no ticket", error);
      }
    }, Math.random() * TICKET_JITTER_MS);
  }

  #sync() {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      this.#open();
      return;
    }
    const gone = [...this.#sent].filter((topic) => !this.#wanted.has(topic));
    this.#send("unsubscribe", gone);
    this.#send(
      "subscribe",
      [...this.#wanted].filter((topic) => !this.#sent.has(topic)),
    );
    this.#sent = new Set(this.#wanted);
    this.#on.left(gone);
  }

  /** @param {"subscribe" | "unsubscribe"} verb @param {string[]} topics */
  #send(verb, topics) {
    for (let at = 0; at < topics.length; at += TOPICS_A_MESSAGE) {
      this.#socket?.send(JSON.stringify({ [verb]: topics.slice(at, at + TOPICS_A_MESSAGE) }));
    }
  }
}
