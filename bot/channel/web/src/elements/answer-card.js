/** <answer-card>: an answer from its payload - title, product switch, steps, boxes, further sections, links. */

import { answerText, mailAddress } from "../answer-text.js";
import { element, icon, outsideLink, unseen } from "../dom.js";
import { markupNodes } from "../inline-markup.js";

const BOXES = ["caution", "important", "note", "tip", "warning"];
let cards = 0;

export class AnswerCard extends HTMLElement {
  #words;
  #steps;
  product;

  /**
   * Shows an answer.
   *
   * @param {object} answer the payload, see docs/how-it-works.md
   * @param {object} words the texts of the answer's language
   * @param {?string} product the product that the page was opened for
   */
  show(answer, words, product) {
    this.answer = answer;
    this.#words = words;
    const choices = Object.keys(answer.variants);
    this.product = [answer.product, product].find((wanted) => choices.includes(wanted)) ?? choices[0];
    this.#steps = element("div", { class: "steps" });
    this.#drawSteps();
    this.lang = answer.language;
    this.replaceChildren(
      element("h2", {}, answer.title),
      element("p", { class: "lead" }, ...markupNodes(answer.lead, words)),
      ...(choices.length > 1 ? [this.#productSwitch(choices)] : []),
      this.#steps,
      ...this.#furtherSections(),
      ...this.#links(),
      this.#actions(),
    );
  }

  /** The words of the answer's language. */
  get words() {
    return this.#words;
  }

  /** Shows the steps of another product, without asking the bot. */
  switchTo(product) {
    this.product = product;
    this.#drawSteps();
    for (const choice of this.querySelectorAll(".products input")) choice.checked = choice.value === product;
  }

  #productSwitch(choices) {
    const name = `product-${(cards += 1)}`;
    const changed = ({ target }) => {
      this.switchTo(target.value);
      this.dispatchEvent(new CustomEvent("product-chosen", { bubbles: true, detail: target.value }));
    };
    return element(
      "fieldset",
      { class: "products" },
      element("legend", { class: "unseen" }, this.#words.page.product),
      ...choices.map((choice) =>
        element(
          "label",
          {},
          element("input", {
            type: "radio",
            name,
            value: choice,
            checked: choice === this.product,
            onchange: changed,
          }),
          element("span", {}, this.#words.labels[choice] ?? choice),
        ),
      ),
    );
  }

  #drawSteps() {
    const steps = this.answer.variants[this.product];
    this.#steps.replaceChildren(
      element("h3", {}, this.#words.labels.steps),
      this.#stepList(steps),
      ...this.answer.notes
        .filter((note) => !note.product || note.product === this.product)
        .map((note) => this.#note(note)),
    );
  }

  // The role stays: Safari takes the list from lists whose marks are drawn by style.
  #stepList(steps) {
    return element("ol", { role: "list" }, ...steps.map((step) => this.#step(step)));
  }

  #step(step) {
    return element(
      "li",
      {},
      element("div", {}, ...markupNodes(step.markdown || step.text, this.#words)),
      step.steps.length ? this.#stepList(step.steps) : null,
      ...step.notes.map((note) => this.#note(note)),
    );
  }

  #bulletList(bullets) {
    const item = (bullet) =>
      element(
        "li",
        {},
        ...markupNodes(bullet.markdown || bullet.text, this.#words),
        bullet.steps.length ? this.#bulletList(bullet.steps) : null,
        ...bullet.notes.map((note) => this.#note(note)),
      );
    return element("ul", {}, ...bullets.map(item));
  }

  #note(note) {
    const text = element("p", {}, ...markupNodes(note.markdown || note.text, this.#words));
    if (!BOXES.includes(note.kind)) return text;
    const items = note.items.map((item) => element("li", {}, item));
    return element(
      "div",
      { class: `box box-${note.kind}`, role: "note" },
      icon(note.kind === "warning" ? "caution" : note.kind),
      element(
        "div",
        {},
        element("strong", { class: "box-kind" }, this.#words.page[`note_${note.kind}`]),
        note.text ? text : null,
        items.length ? element("ul", {}, ...items) : null,
      ),
    );
  }

  #sectionBody(section) {
    return [
      ...section.paragraphs.map((paragraph) => element("p", {}, ...markupNodes(paragraph, this.#words))),
      ...(section.bullets.length ? [this.#bulletList(section.bullets)] : []),
      ...(section.steps.length ? [this.#stepList(section.steps)] : []),
      ...section.notes.map((note) => this.#note(note)),
    ];
  }

  #furtherSections() {
    const filled = this.answer.sections
      .map((section) => ({ title: section.title, slug: section.slug, body: this.#sectionBody(section) }))
      .filter((section) => section.body.length);
    const folded = filled.filter((section) => section.slug !== "contact");
    const contact = filled.filter((section) => section.slug === "contact");
    return [
      ...(folded.length ? [element("h3", {}, this.#words.page.more)] : []),
      ...folded.map(({ title, body }) => element("details", {}, element("summary", {}, title), ...body)),
      ...contact.map(({ title, body }) => element("section", { class: "contact" }, element("h3", {}, title), ...body)),
    ];
  }

  #links() {
    if (!this.answer.links.length) return [];
    const entries = this.answer.links.map((link) => {
      const host = element("span", { class: "host" }, link.host ?? "");
      return element("li", {}, outsideLink(link.url, this.#words, icon("external"), element("span", {}, link.label), host));
    });
    return [
      element("h3", {}, this.#words.labels.documents),
      element("ul", { class: "links", role: "list" }, ...entries),
    ];
  }

  #actions() {
    const { page } = this.#words;
    const label = element("span", {}, page.copy);
    const copied = element("span", { class: "unseen", role: "status" });
    const copy = element("button", { type: "button", class: "quiet", onclick: () => this.#copy(label, copied) });
    copy.append(icon("copy"), label);
    const print = element("button", { type: "button", class: "quiet", onclick: () => this.#print() });
    print.append(icon("print"), page.print);
    // Not within a frame: a site whose policy names the frames it may hold would put an error in place of the chat.
    const mail = element("a", { class: "quiet", href: mailAddress(this), target: "_top" }, icon("mail"), page.mail);
    mail.addEventListener("click", () => mail.setAttribute("href", mailAddress(this)));
    return element("div", { class: "actions" }, copy, print, mail, copied);
  }

  async #copy(label, announcement) {
    await copyText(answerText(this));
    label.textContent = announcement.textContent = this.#words.page.copied;
    setTimeout(() => {
      label.textContent = this.#words.page.copy;
      announcement.textContent = "";
    }, 4000);
  }

  #print() {
    const closed = [...this.querySelectorAll("details:not([open])")];
    const restore = () => {
      closed.forEach((details) => (details.open = false));
      document.documentElement.classList.remove("printing-one");
      this.classList.remove("printed");
    };
    closed.forEach((details) => (details.open = true));
    document.documentElement.classList.add("printing-one");
    this.classList.add("printed");
    addEventListener("afterprint", restore, { once: true });
    print();
  }
}

/** Copies where the browser's clipboard is closed to the page too: an intranet without TLS, an old frame. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = element("textarea", { class: "unseen" });
    field.value = text;
    const focused = document.activeElement;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    focused?.focus();
  }
}

customElements.define("answer-card", AnswerCard);
