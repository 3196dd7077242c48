/** What one tab remembers over a reload; a browser that forbids storage gets a memory that lasts as long as the page. */

const PREFIX = "support-page:";
const unstored = new Map();

/** Returns a remembered value, null where there is none. */
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(PREFIX + name));
  } catch {
    return unstored.get(name) ?? null;
  }
}

/** Remembers a value; null forgets it. */
export function remember(name, value) {
  unstored.set(name, value);
  try {
    if (value === null) sessionStorage.removeItem(PREFIX + name);
    else sessionStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    // Storage is forbidden or full: the value lives in `unstored`.
  }
}
