/** An answer as plain text, to copy and to mail. */

// Mail programs cut addresses that are longer than this.
const LONGEST_MAIL_ADDRESS = 1900;

/** Returns the whole answer: title, lead, what to do now, warnings, the shown product's steps, links. */
export function answerText(card) {
  const { answer, words, variant } = card;
  const name = variant?.product ? ` (${words.labels[variant.product]})` : "";
  return [
    answer.title,
    plain(answer.lead),
    ...(variant
      ? [
          plain(variant.now),
          ...variant.more.map(plain),
          ...variant.warnings.map((note) => plain(note.markdown || note.text)),
          [`${words.labels.steps}${name}:`, ...stepLines(variant.steps, "")].join("\n"),
        ]
      : [plain(card.instead)]),
    linkText(card),
  ]
    .filter(Boolean)
    .join("\n\n");
}

/** Returns a `mailto:` address that holds the answer, without its last steps where it would be too long. */
export function mailAddress(card) {
  const address = (body) =>
    `mailto:?subject=${encodeURIComponent(card.answer.title)}&body=${encodeURIComponent(body.replaceAll("\n", "\r\n"))}`;
  const links = linkText(card);
  const lines = answerText(card).slice(0, links ? -links.length : undefined).trimEnd().split("\n");
  let whole = address([...lines, "", links].join("\n"));
  while (whole.length > LONGEST_MAIL_ADDRESS && lines.length > 1) {
    lines.pop();
    whole = address([...lines, "…", "", links].join("\n"));
  }
  return whole;
}

function linkText({ links, words }) {
  if (!links.length) return "";
  return [`${words.labels.documents}:`, ...links.map(({ label, url }) => `- ${label}: ${url}`)].join("\n");
}

function stepLines(steps, indent) {
  return steps.flatMap((step, index) => [
    `${indent}${index + 1}. ${plain(step.markdown || step.text)}`,
    ...step.notes.map((note) => `${indent}   ${note.text}`),
    ...stepLines(step.steps, `${indent}   `),
  ]);
}

function plain(markdown) {
  return markdown.replaceAll("**", "").replace(/\[([^\]]+)\]\(([^\s)]+)\)/gu, "$1 ($2)");
}
