// A browser against `tradingd demo` and an empty daemon: what a user sees, one line per check.
//
//   node console.mjs TRADINGD CHROMIUM [--long] [PICTURE]   the binary, the browser, where to put a picture of the board

import { chromium } from "playwright-core";
import * as access from "./access.mjs";
import * as figures from "./figures.mjs";
import { daemon, emptyDaemon, finish, open } from "./harness.mjs";
import * as kept from "./kept.mjs";
import * as link from "./link.mjs";
import * as sessions from "./sessions.mjs";
import { frontend } from "./seed.mjs";
import * as workshop from "./workshop.mjs";

const isLong = process.argv.includes("--long");
const [tradingd, browserPath, picture] = process.argv.slice(2).filter((word) => word !== "--long");

// The reference frontend has this address built in.
const demo = await daemon(tradingd, ["demo", "--listen", "127.0.0.1:8080"]);
if (demo.url !== "http://127.0.0.1:8080") throw new Error("port 8080 is taken: the reference frontend asks there");
demo.url = "http://localhost:8080";
const empty = await emptyDaemon(tradingd);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const admin = await access.setup(browser, empty);
  await kept.results(browser, tradingd, empty, admin);
  await figures.firstPage(browser, demo);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark" });
  const page = await sessions.entrance(context, demo);
  await sessions.starting(page, demo);
  await sessions.symbols(page);
  await workshop.strategies(page);
  await workshop.recordings(page, demo);
  await workshop.operations(page);
  await link.tabs(context, demo);
  await link.cut(context, demo);
  await access.viewer(browser, demo);
  const state = await context.storageState();
  await access.quickClicks(browser, demo, state);
  await access.phone(browser, demo, state);
  await access.axe(browser, demo, state);
  await figures.busyBoard(browser, demo, state, isLong ? 600 : 60);
  await figures.bigReport(context, demo);
  const other = await open(context, demo.url);
  await frontend(other, demo);
  await other.close();
  await sessions.paper(page, demo, picture);
  await link.frozenAndGone(page, demo);
} finally {
  await browser.close();
  await empty.stop();
  if (demo.child.exitCode == null && demo.child.signalCode == null) await demo.stop();
}
finish();
