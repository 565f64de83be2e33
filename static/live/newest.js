// The latest message of each topic. Numbers only go forward within an epoch, and an epoch once left stays left.

/** @typedef {{epoch: string, n: number, left: Set<string>, message: LiveMessage}} Known */

export class Newest {
  /** @type {Map<string, Known>} */
  #topics = new Map();

  /** @param {string} topic */
  get(topic) {
    return this.#topics.get(topic)?.message;
  }

  // Whether `message` is news; it is then the latest.
  /** @param {LiveMessage} message */
  accept(message) {
    const [epoch, n] = message.seq;
    const known = this.#topics.get(message.topic);
    if (!known) {
      this.#topics.set(message.topic, { epoch, n, left: new Set(), message });
      return true;
    }
    if (known.epoch === epoch ? n <= known.n : known.left.has(epoch)) return false;
    if (known.epoch !== epoch) known.left.add(known.epoch);
    Object.assign(known, { epoch, n, message });
    return true;
  }

  // A socket that was just opened starts with a snapshot: whatever epoch it has is the right one.
  resync() {
    for (const known of this.#topics.values()) known.left.clear();
  }

  /** @param {string} topic */
  forget(topic) {
    this.#topics.delete(topic);
  }
}
