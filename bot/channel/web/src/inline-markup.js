/** Turns the little markup that articles carry (`**bold**`, `[label](address)`) and bare addresses into nodes. */

import { element, outsideLink } from "./dom.js";

const MARKUP = /\*\*(?<bold>.+?)\*\*|\[(?<label>[^\]]+)\]\((?<address>[^\s)]+)\)/gu;
const LONGEST_ADDRESS = 40;
const ADDRESS = /https?:\/\/[^\s<>"]+[^\s<>".,;:!?)]/gu;

/** Returns the nodes of a text with bold words and links; bold may hold a link. */
export function markupNodes(markdown, words) {
  return pieces(markdown, MARKUP, ({ groups }) =>
    groups.bold
      ? element("strong", {}, ...markupNodes(groups.bold, words))
      : outsideLink(groups.address, words, ...markupNodes(groups.label, words)),
  );
}

/** Returns the nodes of a part's text: with the markup that it has, else with links for bare addresses. */
export function partNodes(part, words) {
  return part.markdown ? markupNodes(part.markdown, words) : textNodes(part.text, words);
}

/** Returns the nodes of a plain text in which only web addresses become links; of a long one its host is shown. */
export function textNodes(text, words) {
  return pieces(text, ADDRESS, ([address]) => {
    const shown = address.replace(/^https?:\/\//u, "").replace(/\/$/u, "");
    return outsideLink(address, words, shown.length > LONGEST_ADDRESS ? shown.replace(/[/?#].*$/u, "") : shown);
  });
}

function pieces(text, pattern, make) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    nodes.push(text.slice(end, match.index), make(match));
    end = match.index + match[0].length;
  }
  nodes.push(text.slice(end));
  return nodes.filter((node) => node !== "");
}
