import { readdirSync, readFileSync } from "node:fs";
import { DIST } from "./setting.js";

/** The bundles of the built page, in the page's order, which its script holds. */
const folders = readdirSync(`${DIST}/bundles`);
const script = readdirSync(`${DIST}/assets`)
  .filter((name) => name.startsWith("index-") && name.endsWith(".js"))
  .map((name) => readFileSync(`${DIST}/assets/${name}`, "utf8"))
  .join();
const place = (name: string): number => script.search(new RegExp(`["'\`]${name}["'\`]`));

export default folders.filter((name) => place(name) >= 0).sort((one, other) => place(one) - place(other));
