/** The words of the page in each language, fetched from the bot once they are needed. */

const PAUSE = 2000;
const fetched = new Map();

/**
 * Returns the words of a language: `{language, name, replies, labels, topics, page, common, languages}`.
 *
 * @throws {Error} the language is not shipped, or there is no connection
 */
export function texts(language) {
  if (!fetched.has(language)) {
    const answer = fetch(`/webhooks/page/texts/${encodeURIComponent(language)}.json`).then((response) => {
      if (!response.ok) throw new Error(`no texts for ${language}`);
      return response.json();
    });
    fetched.set(language, answer);
    answer.catch(() => fetched.delete(language));
  }
  return fetched.get(language);
}

/** Returns the words of the first of some languages; without a connection it tries until there is one. */
export async function firstTexts(languages) {
  for (;;) {
    for (const language of languages) {
      try {
        return await texts(language);
      } catch {
        // The next language may be there, or the next try may succeed.
      }
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}
