/** <topic-grid>: the common topics, to tap instead of typing. */

import { element } from "../dom.js";

export class TopicGrid extends HTMLElement {
  /** Shows the topics of a language; tapping one fires `topic` with the intent and title as detail. */
  show(words) {
    const tell = (intent) => this.dispatchEvent(new CustomEvent("topic", { detail: { intent, title: words.topics[intent] } }));
    const topics = words.common.map((intent) =>
      element("li", {}, element("button", { type: "button", onclick: () => tell(intent) }, words.topics[intent])),
    );
    this.replaceChildren(
      element("h2", {}, words.page.topics),
      element("ul", { role: "list" }, ...topics),
    );
  }
}

customElements.define("topic-grid", TopicGrid);
