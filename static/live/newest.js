// The latest message of each topic. Numbers only go forward within an epoch, and an epoch once left stays left.

/** @typedef {{epoch: string, n: number, left: Set<string>, message: LiveMessage, reopened: boolean}} LatestOfTopic */

export class Newest {
  /** @type {Map<string, LatestOfTopic>} */
  #topics = new Map();

  /** @param {string} topic */
  get(topic) {
    return this.#topics.get(topic)?.message;
  }

  // Whether `message` is news; it is then the latest.
  /** @param {LiveMessage} message */
  accept(message) {
    const [epoch, n] = message.seq;
    const latest = this.#topics.get(message.topic);
    if (!latest) {
      this.#topics.set(message.topic, { epoch, n, left: new Set(), message, reopened: false });
      return true;
    }
    const least = latest.reopened ? latest.n : latest.n + 1;
    if (latest.epoch === epoch ? n < least : latest.left.has(epoch)) return false;
    if (latest.epoch !== epoch) latest.left.add(latest.epoch);
    Object.assign(latest, { epoch, n, message, reopened: false });
    return true;
  }

  // A socket that was just opened starts with a snapshot: whatever epoch it has is the right one. Under one number it
  // may say something else than the socket before it: each player hears of the ledger's feed what is so for that player.
  resync() {
    for (const latest of this.#topics.values()) {
      latest.left.clear();
      latest.reopened = true;
    }
  }

  /** @param {string} topic */
  forget(topic) {
    this.#topics.delete(topic);
  }
}
