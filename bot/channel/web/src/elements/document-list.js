/** <document-list>: documents that the bot has found by searching - title, matching sentence, link. */

import { element, icon, outsideLink } from "../dom.js";

export class DocumentList extends HTMLElement {
  /** Shows a `documents` part; opening one fires `opened` with the search and the document's file as detail. */
  show(part, words) {
    this.lang = part.language;
    this.replaceChildren(
      element("h2", {}, part.title),
      element("p", { class: "lead" }, part.lead),
      element("ul", { class: "links", role: "list" }, ...part.links.map((link) => this.#entry(part, link, words))),
    );
  }

  #entry(part, { label, sentence, url, host, file }, words) {
    const shown = outsideLink(url, words, icon("external"), element("span", {}, label), element("span", { class: "host" }, host ?? ""));
    const opened = () =>
      this.dispatchEvent(new CustomEvent("opened", { bubbles: true, detail: { search: part.search, file } }));
    shown.addEventListener("click", opened);
    shown.addEventListener("auxclick", opened);
    return element("li", {}, shown, sentence ? element("p", { class: "sentence" }, sentence) : null);
  }
}

customElements.define("document-list", DocumentList);
