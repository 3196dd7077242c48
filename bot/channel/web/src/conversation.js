/**
 * One customer's conversation: what was said, and the messages that still wait to be sent.
 *
 * A message keeps the id it was given when it was written. However often it is sent, the bot answers that id once, so
 * after a lost connection or a reload it is simply sent again, and reply parts that are already shown are passed over.
 */

import * as channel from "./channel.js";
import { LiveStream } from "./live-stream.js";
import { recall, remember } from "./memory.js";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15000;

export class Conversation extends EventTarget {
  #token = recall("token");
  #waiting = recall("outbox") ?? [];
  #sending = false;
  // Nothing is sent before it is known what the bot has already: what is written meanwhile waits.
  #restored = false;
  #pause = FIRST_PAUSE;
  #timer = 0;
  #wake = () => {};
  #running = Promise.resolve();
  #abort = new AbortController();
  #settings;
  #live = new LiveStream((row) => this.#showRow(row));

  /** @param {{language: () => string, chosenLanguage: () => ?string, locale: ?string, product: ?string, email: ?string, parentOrigin: ?string}} settings */
  constructor(settings) {
    super();
    this.#settings = settings;
    addEventListener("online", () => {
      if (!this.#waiting.length) this.#tell("connection", { connected: true });
      this.sendWaiting();
    });
    addEventListener("offline", () => this.#tell("connection", { connected: false }));
  }

  /** Shows what was said before a reload, and sends what could not be sent. */
  async restore() {
    const unsent = [...this.#waiting];
    while (this.#token && !(await this.#restoreHistory())) {
      this.#tell("connection", { connected: false });
      await this.#rest();
    }
    for (const message of unsent) {
      if (this.#waiting.includes(message) && !message.shown) this.#show(message, true);
    }
    this.#restored = true;
    await this.sendWaiting();
  }

  /** Sends a typed text. */
  say(text) {
    return this.#add({ text });
  }

  /** Presses a button that the bot has offered; `title` is what the customer sees as said. */
  press(button, title, quiet = false) {
    return this.#add({ button, title, quiet });
  }

  /** Tells that a document which the bot has found was opened; nothing depends on it. */
  opened(document) {
    if (this.#token) channel.opened(this.#token, document).catch(() => {});
  }

  /** Leaves or rates an agent; where that cannot be sent, the button is there still. */
  changeLive(change) {
    if (this.#token) channel.changeLive(this.#token, change).catch(() => this.#tell("connection", { connected: false }));
  }

  /** Asks about a topic by its name; at the beginning of a conversation the bot offers a button for it. */
  ask(topic, title) {
    return this.#add({ text: title, topic });
  }

  /** Sends a refused message once more, under its own id. */
  async sendAgain(message) {
    this.#waiting.push(message);
    this.#keep(this.#token);
    await this.sendWaiting();
  }

  /** Forgets the conversation here and on the server. */
  async startOver() {
    this.#waiting = [];
    this.#abort.abort();
    await this.#running;
    this.#abort = new AbortController();
    this.#wake();
    const token = this.#token;
    this.#live.stop();
    this.#tell("live", { state: "none" });
    this.#keep(null);
    if (!token) return;
    try {
      await channel.end(token);
      this.#tell("connection", { connected: true });
    } catch {
      // Out of reach or expired: without its token nobody continues the conversation anyway.
    }
  }

  /** Sends the waiting messages in the order in which they were written. */
  sendWaiting() {
    this.#wake();
    if (this.#restored && !this.#sending) this.#running = this.#sendAll();
    return this.#running;
  }

  async #sendAll() {
    this.#sending = true;
    try {
      while (this.#waiting.length) {
        const message = this.#waiting[0];
        await this.#deliver(message);
        this.#waiting = this.#waiting.filter((other) => other !== message);
        this.#keep(this.#token);
      }
    } catch (error) {
      if (!(error instanceof channel.ConnectionLost)) throw error;
      if (this.#waiting.length) this.#waitForConnection(); // none is left where the customer has started over
    } finally {
      this.#sending = false;
      this.#tell("typing", { typing: false });
    }
  }

  /** Shows what the bot knows of the conversation; returns whether it could be asked. */
  async #restoreHistory() {
    let messages, live;
    try {
      ({ messages, live } = await channel.history(this.#token));
    } catch (error) {
      if (error.status === 401) this.#expire();
      return error.status === 401;
    }
    if (!this.#token) return true; // the customer has started over meanwhile
    for (const said of messages) {
      if (said.from === "customer") this.#tell("customer", { ...said, state: "sent", earlier: true });
      else if (said.from === "live") this.#showRow(said, true);
      else this.#tell("part", { part: said, time: said.time, earlier: true });
    }
    this.#passOverShown(messages);
    if (live) this.#follow(live.state, live.agent ?? "");
    this.#pause = FIRST_PAUSE;
    this.#tell("connection", { connected: true });
    return true;
  }

  #passOverShown(messages) {
    for (const message of this.#waiting) {
      const at = messages.findIndex((said) => said.from === "customer" && said.id === message.id);
      if (at < 0) continue;
      const next = messages.findIndex((said, index) => index > at && said.from === "customer");
      const answers = messages.slice(at + 1, next < 0 ? messages.length : next);
      message.received = answers.filter((said) => said.from === "bot").length;
      message.shown = true;
    }
  }

  #add(content) {
    const message = {
      id: crypto.randomUUID?.() ?? fallbackId(),
      ...content,
      language: this.#settings.chosenLanguage() ?? undefined,
      time: new Date().toISOString(),
      received: 0,
    };
    this.#waiting.push(message);
    this.#keep(this.#token);
    this.#show(message);
    return this.sendWaiting();
  }

  #show(message, earlier = false) {
    this.#tell("customer", { ...message, state: "sending", earlier });
  }

  async #deliver(message) {
    this.#tell("state", { id: message.id, state: "sending" });
    this.#tell("typing", { typing: true });
    try {
      await this.#exchange(message);
    } catch (error) {
      if (!(error instanceof channel.Refusal)) throw error;
      if (error.status === 401) {
        this.#expire(message);
        // A typed message goes on in a new conversation, once; a button means nothing there.
        if (message.text && !message.anew) {
          Object.assign(message, { received: 0, anew: true, button: undefined });
          return this.#deliver(message);
        }
      }
      this.#tell("state", { id: message.id, state: "refused", refusal: error, message });
    }
  }

  async #exchange(message) {
    if (!this.#token) {
      const { token, buttons } = await channel.begin({ ...this.#settings, language: this.#settings.language() });
      if (message.topic) message.button = buttons.find((button) => button.intent === message.topic)?.id;
      this.#keep(token);
    }
    const { id, button, language } = message;
    const text = button ? undefined : message.text;
    let place = 0;
    for await (const part of this.#reply({ id, text, button, language })) {
      this.#connected(message);
      if (place++ < message.received) continue;
      message.received = place;
      this.#tell("part", { part, time: part.time ?? new Date().toISOString(), to: message });
      if (part.type === "waiting") this.#follow("waiting");
    }
    this.#connected(message);
  }

  #follow(state, agent) {
    this.#tell("live", { state, agent });
    this.#live.follow(this.#token);
  }

  #showRow(row, earlier = false) {
    this.#live.saw(row);
    this.#tell("live", { row, earlier });
    for (const part of row.parts ?? []) this.#tell("part", { part, time: row.time });
  }

  #reply(request) {
    return channel.send(this.#token, request, this.#abort.signal);
  }

  #connected(message) {
    this.#pause = FIRST_PAUSE;
    this.#tell("state", { id: message.id, state: "sent" });
    this.#tell("connection", { connected: true });
  }

  #waitForConnection() {
    for (const { id } of this.#waiting) this.#tell("state", { id, state: "waiting" });
    this.#tell("connection", { connected: false });
    this.#rest().then(() => this.sendWaiting());
  }

  /** Waits before the next try, each time longer, at most until the browser says that it is online. */
  #rest() {
    clearTimeout(this.#timer);
    const pause = this.#pause;
    this.#pause = Math.min(pause * 2, LONGEST_PAUSE);
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, pause);
    });
  }

  #expire(message) {
    this.#live.stop();
    this.#tell("live", { state: "none" });
    this.#keep(null);
    this.#tell("expired", { message });
  }

  #keep(token) {
    this.#token = token;
    remember("token", token);
    remember("outbox", this.#waiting.length ? this.#waiting : null);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Browsers give `randomUUID` to secure pages alone; an intranet without TLS gets an id of the same shape. */
function fallbackId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/u, "$1-$2-$3-$4-$5");
}
