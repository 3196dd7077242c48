/** Times as a customer reads them. */

import { element } from "./dom.js";

/** Returns a <time> with hour and minute, and the day where it is not today. */
export function clock(time, language) {
  const date = new Date(typeof time === "number" ? time * 1000 : time);
  const today = date.toDateString() === new Date().toDateString();
  const style = { hour: "2-digit", minute: "2-digit", ...(today ? {} : { day: "numeric", month: "short" }) };
  return element("time", { datetime: date.toISOString() }, new Intl.DateTimeFormat(language, style).format(date));
}
