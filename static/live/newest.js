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
    const latest = this.#topics.get(message.topic);
    if (!latest) {
      this.#topics.set(message.topic, { epoch, n, left: new Set(), message });
      return true;
    }
    if (latest.epoch === epoch ? n <= latest.n : latest.left.has(epoch)) return false;
    if (latest.epoch !== epoch) latest.left.add(latest.epoch);
    Object.assign(latest, { epoch, n, message });
    return true;
  }

  // A socket that was just opened starts with a snapshot: whatever epoch it has is the right one.
  resync() {
    for (const latest of this.#topics.values()) latest.left.clear();
  }

  /** @param {string} topic */
  forget(topic) {
    this.#topics.delete(topic);
  }
}
