/** The page itself: it joins the conversation to what is seen, heard and typed. */

import "./elements/answer-card.js";
import "./elements/choice-buttons.js";
import "./elements/customer-message.js";
import "./elements/document-list.js";
import "./elements/topic-grid.js";
import { Conversation } from "./conversation.js";
import { element, notice, scrollToTop } from "./dom.js";
import { embed, parentOrigin, visitorEmail } from "./frame.js";
import { partNodes } from "./inline-markup.js";
import { LiveView } from "./live-view.js";
import { recall, remember } from "./memory.js";
import { fillLanguageMenu, wordPage } from "./page-words.js";
import { texts } from "./texts.js";
import { clock } from "./time.js";

const $ = (id) => document.getElementById(id);
const typesByKeyboard = matchMedia("(hover: hover)");

export class ChatPage {
  #words;
  #product = new URL(location.href).searchParams.get("product");
  #conversation;
  #restored = false;
  // What the bot says is shown one after the other, though the words of its language may have to be fetched first.
  #drawn = Promise.resolve();
  // What the bot says to one message stands together, below that message.
  #turn = null;
  #turnOf = null;
  // What is written before the earlier conversation is back stands below it.
  #firstNew = null;
  #live;

  constructor(words) {
    this.#words = words;
    this.#conversation = new Conversation({
      language: () => this.#words.language,
      chosenLanguage: () => recall("language"),
      locale: new URL(location.href).searchParams.get("lang"),
      product: this.#product,
      email: visitorEmail(),
      parentOrigin: parentOrigin(),
    });
    this.#live = new LiveView(this.#conversation, (node, earlier) => this.#showApart(node, earlier));
  }

  /** Shows the page and what was said before a reload. */
  async start() {
    this.#listenToVisitor();
    this.#listenToConversation();
    this.#speak(this.#words);
    $("message").value ||= recall("draft") ?? ""; // whoever was quick has begun to type already
    embed(() => this.#open());
    performance.mark("usable");
  }

  async #open() {
    if (typesByKeyboard.matches) $("message").focus({ preventScroll: true });
    if (this.#restored) return;
    this.#restored = true;
    await this.#conversation.restore();
  }

  #speak(words) {
    this.#words = words;
    wordPage(words);
    fillLanguageMenu($("language"), words);
    $("greeting").textContent = words.replies.utter_greet;
    document.querySelector("topic-grid").show(words);
    this.#live.speak(words);
  }

  #listenToVisitor() {
    $("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    $("message").addEventListener("input", ({ target }) => remember("draft", target.value || null));
    $("message").addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#send();
    });
    $("language").addEventListener("change", ({ target }) => this.#chooseLanguage(target.value));
    $("start-over").addEventListener("click", () => this.#askToStartOver());
    $("start-over-dialog").addEventListener("close", ({ target }) => {
      if (target.returnValue === "start-over") this.#startOver();
    });
    document.querySelector("topic-grid").addEventListener("topic", ({ detail }) => this.#ask(detail));
    $("log").addEventListener("choice", ({ detail }) => this.#conversation.press(detail.id, detail.title));
    $("log").addEventListener("opened", ({ detail }) => this.#conversation.opened(detail));
    $("log").addEventListener("product-chosen", (event) => this.#tellProduct(event.target, event.detail));
  }

  #listenToConversation() {
    const on = (type, listener) =>
      this.#conversation.addEventListener(type, ({ detail }) => {
        this.#drawn = this.#drawn.then(() => listener(detail)).catch(reportError); // whatever comes next is shown
      });
    on("customer", (message) => this.#showCustomer(message));
    on("part", (said) => this.#showPart(said));
    on("live", ({ row, earlier, state, agent }) => row ? this.#live.show(row, earlier) : this.#live.stand(state, agent));
    on("state", (change) => this.#showState(change));
    on("typing", ({ typing }) => this.#showTyping(typing));
    on("connection", ({ connected }) => this.#showConnection(connected));
    on("expired", ({ message }) => this.#showExpired(message));
  }

  #send() {
    const text = $("message").value.trim();
    if (!text) return;
    $("message").value = "";
    remember("draft", null);
    this.#say(text);
  }

  #say(text) {
    this.#closeOffers();
    this.#conversation.say(text);
  }

  #ask({ intent, title }) {
    this.#closeOffers();
    this.#conversation.ask(intent, title);
  }

  /** A product that was chosen on a card answers the bot's open question, if there is one. */
  #tellProduct(card, product) {
    const title = card.words.labels[product];
    for (const question of document.querySelectorAll("choice-buttons")) {
      const button = question.offers("product", title);
      if (!button) continue;
      question.remove();
      this.#conversation.press(button.id, title, true);
    }
  }

  async #chooseLanguage(language) {
    const words = await texts(language).catch(() => null);
    if (!words) return this.#showConnection(false);
    remember("language", language);
    this.#speak(words);
  }

  #askToStartOver() {
    if (!$("log").hasChildNodes()) return this.#focusStart();
    $("start-over-dialog").returnValue = "";
    $("start-over-dialog").showModal();
  }

  async #startOver() {
    await this.#conversation.startOver();
    await this.#drawn;
    $("log").replaceChildren();
    this.#turn = null;
    $("conversation").scrollTop = 0;
    this.#focusStart();
  }

  #focusStart() {
    $(typesByKeyboard.matches ? "message" : "conversation").focus();
  }

  #showCustomer(message) {
    this.#turn = null;
    this.#closeOffers();
    if (!$("connection").classList.contains("lost")) $("connection").textContent = "";
    if (message.quiet) return;
    const shown = element("customer-message");
    shown.show(message, this.#words);
    shown.state = message.state;
    this.#append(shown, message.earlier);
    if (!message.earlier) this.#firstNew ??= shown;
    scrollToTop(shown);
  }

  #showState({ id, state, refusal, message }) {
    const shown = this.#messageShown(id);
    if (shown) shown.state = state;
    if (state !== "refused" || refusal.status === 401) return; // `expired` says that
    this.#showNotice(refusal.message || this.#words.page.not_sent, this.#words.language, id);
    if (refusal.status === 429 || refusal.status >= 500) shown?.offerAgain(() => this.#conversation.sendAgain(message));
    // A text that is too long goes back to where it can be shortened.
    if (refusal.status === 413 && message.text && !$("message").value) $("message").value = message.text;
  }

  #messageShown(id) {
    return id ? document.querySelector(`customer-message[data-id="${CSS.escape(id)}"]`) : null;
  }

  /** Several messages may wait for a connection; each is answered where it stands. */
  #placeBelow(id, node, earlier = false) {
    const shown = this.#messageShown(id);
    if (shown) shown.after(node);
    else this.#append(node, earlier);
  }

  #append(node, earlier) {
    $("log").insertBefore(node, earlier ? this.#firstNew : null);
  }

  /** The message that a part answers; what was said before a reload comes in order. */
  #messageOf(to) {
    return to ? this.#messageShown(to.id) : [...document.querySelectorAll('customer-message[data-state="sent"]')].at(-1);
  }

  async #showPart({ part, time, to, earlier }) {
    const words = await texts(part.language ?? this.#words.language).catch(() => this.#words);
    if (part.type !== "answer" && part.language && !recall("language") && words !== this.#words) this.#speak(words);
    const answered = this.#messageOf(to);
    if (answered && part.language) answered.language = part.language;
    if (answered && part.masked) answered.text = part.masked;
    const node = this.#drawPart(part, words, to);
    if (!node) return;
    if (!this.#turn || this.#turnOf !== to?.id) {
      this.#turn = element("div", { class: "turn", lang: words.language }, this.#byline(words, time));
      this.#turnOf = to?.id;
      this.#placeBelow(to?.id, this.#turn, earlier);
    }
    node.lang = node.lang || words.language;
    this.#turn.append(node);
    if (!to?.quiet) scrollToTop(this.#messageShown(to?.id) ?? this.#turn.previousElementSibling ?? this.#turn);
  }

  #drawPart(part, words, to) {
    if (part.type === "answer") return this.#drawAnswer(part, words, to);
    if (part.type === "documents") return drawDocuments(part, words);
    if (part.type === "notice") return notice(part.text);
    if (part.type === "text" || part.type === "waiting") return element("p", { class: "bubble" }, ...partNodes(part, words));
    if (part.type !== "buttons") return null; // a newer bot may say more than this page knows
    const question = element("choice-buttons");
    question.show(part, words);
    return question;
  }

  /** An answer whose product was chosen on its card is there already. */
  #drawAnswer(answer, words, to) {
    const last = [...document.querySelectorAll("answer-card")].at(-1);
    if (to?.quiet && last?.answer.article_id === answer.article_id) return null;
    const card = element("answer-card");
    card.show(answer, words, this.#product);
    return card;
  }

  #byline(words, time) {
    return element("p", { class: "byline" }, element("span", {}, words.page.assistant), clock(time, words.language));
  }

  /** A new conversation begins above the message that goes on in it; a button had its meaning in the old one. */
  #showExpired(message) {
    this.#closeOffers();
    const told = this.#showNotice(this.#words.page.expired, this.#words.language, message?.id);
    if (message?.text) this.#messageShown(message.id)?.before(told);
  }

  #showNotice(text, language, id = null) {
    const shown = notice(text);
    shown.lang = language;
    this.#placeBelow(id, shown);
    this.#turn = null;
    return shown;
  }

  /** What an agent writes or does belongs to no turn of the bot. */
  #showApart(node, earlier) {
    this.#closeOffers();
    this.#append(node, earlier);
    this.#turn = null;
    if (!earlier) scrollToTop(node);
  }

  #showTyping(typing) {
    const dots = ["", "", ""].map(() => element("span", { class: "dot" }));
    const words = element("span", { class: "unseen" }, this.#words.page.typing);
    $("typing").replaceChildren(...(typing ? [words, ...dots] : []));
  }

  #showConnection(connected) {
    const { page } = this.#words;
    const lost = $("connection").classList.contains("lost");
    if (lost === !connected) return;
    $("connection").classList.toggle("lost", !connected);
    $("connection").textContent = connected ? page.connection_back : page.connection_lost;
  }

  #closeOffers() {
    for (const question of document.querySelectorAll("choice-buttons")) question.close();
  }
}

function drawDocuments(part, words) {
  const list = element("document-list");
  list.show(part, words);
  return list;
}
