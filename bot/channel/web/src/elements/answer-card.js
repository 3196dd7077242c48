/** <answer-card>: an answer from its payload - title, switches, what to do now, boxes, steps, links, passages. */

import { answerText, mailAddress } from "../answer-text.js";
import { element, icon, outsideLink, unseen } from "../dom.js";
import { markupNodes } from "../inline-markup.js";

const BOXES = ["caution", "important", "note", "tip", "warning"];
let cards = 0;

export class AnswerCard extends HTMLElement {
  #words;
  #shown;
  product;
  agreement;

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
    const products = this.#products();
    this.product = [answer.product, product].find((wanted) => products.includes(wanted)) ?? products[0];
    this.agreement = answer.agreement ?? null;
    this.#shown = element("div");
    this.#draw();
    this.lang = answer.language;
    this.replaceChildren(
      element("h2", {}, answer.title),
      ...(answer.lead ? [element("p", { class: "lead" }, ...markupNodes(answer.lead, words))] : []),
      ...(products.length > 1 ? [this.#productSwitch(products)] : []),
      this.#shown,
      this.#actions(),
    );
  }

  /** The words of the answer's language. */
  get words() {
    return this.#words;
  }

  /** The first answer that is shown; null where customers of the agreement are told something else. */
  get variant() {
    if (this.instead) return null;
    const ofProduct = this.answer.variants.filter((variant) => (variant.product ?? this.product) === this.product);
    return ofProduct.find((variant) => variant.agreement === this.agreement) ?? ofProduct[0];
  }

  /** What customers of the chosen agreement are told in place of the steps. */
  get instead() {
    return this.product === "azure" ? this.answer.agreements[this.agreement] : undefined;
  }

  /** The documents for the shown product. */
  get links() {
    return this.#forProduct(this.answer.links);
  }

  /** Shows the steps of another product, without asking the bot. */
  switchTo(product) {
    this.product = product;
    this.#draw();
    for (const choice of this.querySelectorAll(".products input")) choice.checked = choice.value === product;
  }

  #products() {
    return [...new Set(this.answer.variants.map((variant) => variant.product))];
  }

  #forProduct(items) {
    return items.filter((item) => !item.product || !this.product || item.product === this.product);
  }

  #productSwitch(products) {
    const name = `product-${(cards += 1)}`;
    const changed = ({ target }) => {
      this.switchTo(target.value);
      this.dispatchEvent(new CustomEvent("product-chosen", { bubbles: true, detail: target.value }));
    };
    return element(
      "fieldset",
      { class: "products" },
      element("legend", { class: "unseen" }, this.#words.page.product),
      ...products.map((choice) =>
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

  /** A list to choose the billing agreement from, where Azure's steps depend on it. */
  #agreementSwitch() {
    const names = Object.keys(this.answer.agreements);
    if (this.product !== "azure" || !names.length) return [];
    const changed = ({ target }) => {
      this.agreement = target.value || null;
      this.#draw();
      this.querySelector(".agreement select").focus();
    };
    const choice = (value, label) =>
      element("option", { value, selected: value === (this.agreement ?? "") }, this.#words.labels[label]);
    return [
      element(
        "label",
        { class: "agreement" },
        element("span", {}, this.#words.page.agreement),
        element("select", { onchange: changed }, choice("", "online_services"), ...names.map((name) => choice(name, name))),
      ),
    ];
  }

  #draw() {
    const parts = [
      ...this.#agreementSwitch(),
      element("div", { class: "steps" }, ...this.#firstAnswer()),
      ...this.#links(),
      ...this.#passages(),
    ];
    this.#shown.replaceChildren(...parts.filter(Boolean));
  }

  #firstAnswer() {
    if (this.instead) return [element("p", { class: "now" }, ...markupNodes(this.instead, this.#words))];
    const { now, more, warnings, steps } = this.variant;
    return [
      now ? element("p", { class: "now" }, ...markupNodes(now, this.#words)) : null,
      ...more.map((text) => element("p", {}, ...markupNodes(text, this.#words))),
      ...warnings.map((note) => this.#note(note)),
      element("h3", {}, this.#words.labels.steps),
      this.#stepList(steps),
    ];
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
    const items = {
      paragraph: [...section.paragraphs],
      bullet: [...section.bullets],
      step: [...section.steps],
      note: [...section.notes],
    };
    const draw = {
      paragraph: (list) => list.map((text) => element("p", {}, ...markupNodes(text, this.#words))),
      bullet: (list) => [this.#bulletList(list)],
      step: (list) => [this.#stepList(list)],
      note: (list) => list.map((note) => this.#note(note)),
    };
    const runs = [];
    for (const kind of section.order) {
      if (runs.at(-1)?.kind !== kind) runs.push({ kind, list: [] });
      runs.at(-1).list.push(items[kind].shift());
    }
    return runs.flatMap(({ kind, list }) => draw[kind](list));
  }

  /** What answers follow-up questions, folded away together and each by itself, and where to get help. */
  #passages() {
    const passages = this.#forProduct(this.answer.sections);
    const contact = this.answer.contact[this.product ?? ""];
    if (!passages.length && !contact) return [];
    const folded = passages.map((section) =>
      element("details", {}, element("summary", {}, section.title), ...this.#sectionBody(section)),
    );
    const more = element("details", { class: "more" }, element("summary", {}, this.#words.page.more), ...folded);
    return [
      passages.length ? more : null,
      contact ? element("p", { class: "contact" }, ...markupNodes(contact, this.#words)) : null,
    ];
  }

  #links() {
    if (!this.links.length) return [];
    const entries = this.links.map((link) => {
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
