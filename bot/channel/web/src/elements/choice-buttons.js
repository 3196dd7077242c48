/** <choice-buttons>: a question of the bot with the answers that it offers; one of them acts, once. */

import { element, icon } from "../dom.js";
import { partNodes } from "../inline-markup.js";

export class ChoiceButtons extends HTMLElement {
  #offered = [];

  /** Shows a `buttons` part; choosing one fires `choice` with the button as detail. */
  show(part, words) {
    this.#offered = part.buttons;
    const title = part.text ? element("p", { class: "bubble" }, ...partNodes(part, words)) : null;
    const buttons = part.buttons.map((button) =>
      element(
        "button",
        { type: "button", class: `choice choice-${button.kind}`, onclick: (event) => this.#choose(button, event) },
        button.kind === "person" ? icon("person") : null,
        button.title,
      ),
    );
    this.replaceChildren(...[title].filter(Boolean), element("div", { class: "choices" }, ...buttons));
    // After a reload the server tells which ones may still be pressed.
    if (part.buttons.every((button) => button.open === false)) this.close();
  }

  /** Returns the button of a kind with this title, while it may still be pressed. */
  offers(kind, title) {
    if (this.closed) return undefined;
    return this.#offered.find((button) => button.kind === kind && button.title === title);
  }

  /** Whether an answer was chosen or the conversation went on without one. */
  get closed() {
    return this.hasAttribute("closed");
  }

  /** Takes the offer back; the buttons stay readable and keep the focus where it is. */
  close() {
    this.setAttribute("closed", "");
    for (const button of this.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  }

  #choose(button, { currentTarget }) {
    if (this.closed) return;
    currentTarget.classList.add("chosen");
    this.close();
    this.dispatchEvent(new CustomEvent("choice", { bubbles: true, detail: button }));
  }
}

customElements.define("choice-buttons", ChoiceButtons);
