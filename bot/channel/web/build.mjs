/** Builds the page's bundle: `npm run build`, or `node build.mjs FOLDER` to build it elsewhere. */

import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const folder = process.argv[2] ?? here("../assets");

const common = { bundle: true, minify: true, target: ["es2022", "chrome123", "firefox121", "safari17.5"], charset: "utf8" };
await build({ ...common, entryPoints: [here("src/main.js")], outfile: `${folder}/page.js`, format: "esm" });
await build({ ...common, entryPoints: [here("src/embed.js")], outfile: `${folder}/embed.js`, format: "iife" });
await build({ ...common, entryPoints: [here("styles/page.css")], outfile: `${folder}/page.css` });
await cp(here("static"), folder, { recursive: true });
