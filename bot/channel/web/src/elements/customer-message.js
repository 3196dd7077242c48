/** <customer-message>: what the customer said, when, and whether the bot has it. */

import { element, unseen } from "../dom.js";
import { clock } from "../time.js";

export class CustomerMessage extends HTMLElement {
  #state;
  #text;
  #words;

  /** Shows a message `{id, text | title, time}`. */
  show(message, words) {
    this.#words = words;
    this.#state = element("span", { class: "state" });
    this.#text = element("span", {}, message.title ?? message.text);
    this.dataset.id = message.id ?? "";
    this.lang = words.language;
    this.replaceChildren(
      element("p", { class: "bubble", dir: "auto" }, unseen(`${words.page.you}: `), this.#text),
      element("p", { class: "byline" }, this.#state, clock(message.time, words.language)),
    );
  }

  /** Says what language it is written in, once the bot has recognised that. */
  set language(language) {
    this.#text.lang = language;
  }

  /** Shows the text as the bot keeps it: without the card number that the customer typed. */
  set text(text) {
    this.#text.textContent = text;
  }

  /** Shows how far the message got: `sending`, `waiting`, `refused` or `sent`; a refused one may get a button. */
  set state(state) {
    const { page } = this.#words;
    this.dataset.state = state;
    this.#state.textContent = { sending: page.sending, waiting: page.waiting, refused: page.not_sent }[state] ?? "";
  }

  /** Offers to send the message once more. */
  offerAgain(again) {
    const button = element("button", { type: "button", class: "quiet again" }, this.#words.page.again);
    button.addEventListener("click", () => {
      button.remove();
      again();
    });
    this.append(button);
  }
}

customElements.define("customer-message", CustomerMessage);
