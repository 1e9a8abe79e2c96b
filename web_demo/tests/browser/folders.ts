import { readFileSync } from "node:fs";
import { DIST } from "./setting.js";

/** The bundles of the built page, in the page's order. */
export default JSON.parse(readFileSync(`${DIST}/networks.json`, "utf8")) as string[];
