/** Starts the page in the language that the visitor chose, else in the one that the server has found for them. */

import { ChatPage } from "./chat-page.js";
import { recall } from "./memory.js";
import { firstTexts } from "./texts.js";

const languages = [recall("language"), document.documentElement.lang].filter(Boolean);
await new ChatPage(await firstTexts(languages)).start();
