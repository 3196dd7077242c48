/** <live-rating>: how good an agent's help was, from 1 to 5, with a line if the customer likes. */

import { element } from "../dom.js";

let made = 0;

export class LiveRating extends HTMLElement {
  #page;

  /** Asks the question; sending fires `rated` with `{rating, text}` as detail. */
  show(question, page) {
    this.#page = page;
    const name = `rating-${++made}`;
    const choices = ["1", "2", "3", "4", "5"].map((value) =>
      element("label", {}, element("input", { type: "radio", name, value, required: true }), element("span", {}, value)),
    );
    const line = element("input", { type: "text", maxlength: 500, placeholder: page.rate_line, "aria-label": page.rate_line });
    const form = element(
      "form",
      { class: "rating" },
      element(
        "fieldset",
        {},
        element("legend", {}, question),
        element("div", { class: "products" }, ...choices),
        element("p", { class: "lead" }, page.rate_scale),
      ),
      line,
      element("button", { type: "submit", class: "choice main" }, page.rate_send),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const rating = new FormData(form).get(name);
      this.dispatchEvent(new CustomEvent("rated", { detail: { rating, text: line.value.trim() || undefined } }));
      this.thank();
    });
    this.replaceChildren(form);
  }

  /** Shows that the rating has been given. */
  thank() {
    this.replaceChildren(element("p", { class: "notice done" }, this.#page.rate_thanks));
  }
}

customElements.define("live-rating", LiveRating);
