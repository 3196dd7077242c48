/** Shows the agent in the conversation: who has joined, what they write, when they left, and the rating at the end. */

import "./elements/live-rating.js";
import { element, notice } from "./dom.js";
import { textNodes } from "./inline-markup.js";
import { clock } from "./time.js";

const ENDS = ["handed_back", "left", "agent_gone"];
const $ = (id) => document.getElementById(id);

export class LiveView {
  #state = "none";
  #agent = "";
  #append;
  #conversation;
  #words;

  /** @param {(node: Element, earlier: boolean) => void} append puts a node into the conversation */
  constructor(conversation, append) {
    this.#conversation = conversation;
    this.#append = append;
    $("leave").addEventListener("click", () => conversation.changeLive({ action: "leave" }));
  }

  /** Uses the words of a language from now on. */
  speak(words) {
    this.#words = words;
    this.#showBanner();
  }

  /** Shows whether the customer waits, or whom they talk to: `waiting`, `live` or anything else. */
  stand(state, agent = "") {
    this.#state = state;
    this.#agent = agent;
    this.#showBanner();
  }

  /** Shows a row of the live conversation; one from before a reload changes nothing else. */
  show(row, earlier) {
    const { page } = this.#words;
    const { kind, agent } = row;
    if (kind === "agent_text") return this.#append(this.#bubble(row), earlier);
    if (kind === "rated") return document.querySelector("live-rating:last-of-type")?.thank();
    const text = page[`live_${kind}`];
    const calm = kind === "agent_gone" ? [] : ["notice calm", "person"];
    if (text) this.#append(notice(filled(text, agent), ...calm), earlier);
    if (!earlier) this.stand(kind === "taken" ? "live" : "none", agent);
    if (!ENDS.includes(kind) || !agent) return;
    const rating = element("live-rating");
    rating.show(filled(page.rate_question, agent), page);
    rating.addEventListener("rated", ({ detail }) => this.#conversation.changeLive({ action: "rate", ...detail }));
    this.#append(rating, earlier);
  }

  #bubble({ text, agent, time }) {
    const { language, page } = this.#words;
    const name = element("span", {}, filled(page.live_support, agent));
    const byline = element("p", { class: "byline" }, name, clock(time, language));
    return element(
      "div",
      { class: "turn agent" },
      byline,
      element("p", { class: "bubble", dir: "auto", lang: "" }, ...textNodes(text, this.#words)),
    );
  }

  #showBanner() {
    const { page } = this.#words;
    const active = ["waiting", "live"].includes(this.#state);
    const waiting = this.#state === "waiting";
    $("live").hidden = !active;
    $("live-status").textContent = active ? filled(waiting ? page.live_waiting : page.live_with, this.#agent) : "";
    $("leave").textContent = waiting ? page.live_stop : page.live_leave;
  }
}

function filled(text, agent) {
  return text.replaceAll("{agent}", () => agent);
}
