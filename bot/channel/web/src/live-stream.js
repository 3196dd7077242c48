/** Follows what an agent does in the conversation, over lost connections, until nobody is waited for or there. */

import * as channel from "./channel.js";

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 10000;
// The bot says something every 15 seconds; a connection that is silent for longer is dead, whatever the browser thinks.
const LONGEST_SILENCE = 40000;

export class LiveStream {
  #show;
  #after = 0;
  #wanted = false;
  #stopped = null;

  /** @param {(row: object) => void} show is called with each row, once */
  constructor(show) {
    this.#show = show;
  }

  /** Notes a row that is shown already. */
  saw({ sequence }) {
    this.#after = Math.max(this.#after, sequence);
  }

  /** Shows what comes, from the last row on; returns at once where it does so already. */
  async follow(token) {
    this.#wanted = true;
    if (this.#stopped) return;
    const { signal } = (this.#stopped = new AbortController());
    let pause = FIRST_PAUSE;
    while (this.#wanted && !signal.aborted) {
      this.#wanted = false;
      try {
        await this.#read(token, signal, () => (pause = FIRST_PAUSE));
      } catch (error) {
        if (error instanceof channel.Refusal && error.status < 500 && error.status !== 429) break;
        this.#wanted = true;
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
    }
    if (this.#stopped?.signal === signal) this.#stopped = null;
  }

  async #read(token, stopped, alive) {
    const connection = new AbortController();
    const end = () => connection.abort();
    stopped.addEventListener("abort", end);
    let silence = setTimeout(end, LONGEST_SILENCE);
    try {
      for await (const row of channel.live(token, this.#after, connection.signal)) {
        if (stopped.aborted) return;
        clearTimeout(silence);
        silence = setTimeout(end, LONGEST_SILENCE);
        alive();
        if (!row) continue;
        this.saw(row);
        this.#show(row);
      }
    } finally {
      clearTimeout(silence);
      stopped.removeEventListener("abort", end);
    }
  }

  /** Ends for a conversation that is over. */
  stop() {
    this.#stopped?.abort();
    this.#stopped = null;
    this.#after = 0;
  }
}
