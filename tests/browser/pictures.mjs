// Makes the pictures of docs/images: every page of the demo, dark or light, wide or phone, as WebP.
//
//   node pictures.mjs TRADINGD CHROMIUM FOLDER

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { client, daemon, emptyDaemon, login, open } from "./harness.mjs";

const [tradingd, browserPath, folder] = process.argv.slice(2);
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const demo = await daemon(tradingd, ["demo", "--listen", "127.0.0.1:0"]);
const empty = await emptyDaemon(tradingd);
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
mkdirSync(folder, { recursive: true });

/** PNG to WebP, with the browser's own encoder. */
async function keep(page, name) {
  const png = (await page.screenshot()).toString("base64");
  const blank = await browser.newPage();
  const webp = await blank.evaluate(async (data) => {
    const image = new Image();
    image.src = `data:image/png;base64,${data}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.82).split(",")[1];
  }, png);
  await blank.close();
  writeFileSync(join(folder, `${name}.webp`), Buffer.from(webp, "base64"));
}

/** A picture of one address. */
async function picture(name, address, { theme = "dark", size = WIDE, state, act } = {}) {
  const context = await browser.newContext({ viewport: size, storageState: state, reducedMotion: "reduce" });
  await context.addInitScript((value) => localStorage.setItem("preferences", JSON.stringify({ theme: value })), theme);
  const page = await open(context, `${demo.url}/#${address}`);
  await page.waitForFunction(() => document.querySelector("main") && !document.querySelector(".skeleton"), null, { timeout: 20_000 });
  await page.waitForTimeout(2500);
  await act?.(page);
  await page.waitForTimeout(800);
  await keep(page, name);
  await context.close();
}

try {
  const context = await browser.newContext({ viewport: WIDE });
  await login(await open(context, demo.url), demo);
  const state = await context.storageState();
  const api = await client(demo.url, demo.user, demo.password);
  const recording = (await api.get("/api/data-collection/sessions")).sessions.find((one) => one.status === "completed");
  await api.post("/sessions/start", { session_type: "backtest", strategy_config: { strategies: ["minute_breakout"] }, config: { session_id: recording.session_id, acceleration_factor: 0, stop_loss_percent: 0.08 } });
  const paper = (await api.get("/sessions?type=paper")).sessions[0].session_id;
  const hasPump = async () => (await api.get(`/sessions/${paper}/events?limit=1000`)).events.filter((one) => one.event === "position_update" && one.status === "closed" && one.symbol === "GENERATEDPUMP_USDT").length > 2;
  while (!(await hasPump())) await new Promise((wake) => { setTimeout(wake, 1000); });
  const results = (await api.get("/results")).results.map((one) => one.result_id);
  const board = `/board/${paper}?symbol=GENERATEDPUMP_USDT`;
  const why = async (page) => { await page.click("[aria-label=Trades] tr:has-text('GENERATEDPUMP_USDT') >> nth=0"); await page.waitForTimeout(800); await page.locator("tr.marked").first().scrollIntoViewIfNeeded(); await page.mouse.wheel(0, 260); };
  await picture("board-dark", board, { state });
  await picture("board-light", board, { state, theme: "light" });
  await picture("board-phone", board, { state, size: PHONE });
  await picture("trade-explained", board, { state, act: why });
  await picture("start-dark", "/start?strategy=minute_breakout", { state, act: (page) => page.click("[aria-label=Data] tr:has-text('completed') input[type=radio]") });
  await picture("start-phone", "/start?type=live", { state, size: PHONE, theme: "light" });
  await picture("report-dark", `/results/${results[0]}`, { state });
  await picture("report-light", `/results/${results[0]}?trade=2`, { state, theme: "light", act: (page) => page.locator("text=Trades on the chart").first().scrollIntoViewIfNeeded().then(() => page.mouse.wheel(0, 700)) });
  await picture("compare-dark", `/compare?ids=${results.slice(0, 2).join(",")}`, { state });
  await picture("sessions-light", "/sessions", { state, theme: "light" });
  await api.post(`/api/data-collection/${recording.session_id}/labels`, { symbol: recording.symbols[0], onset: "2024-08-08T23:58:24Z", peak: "2024-08-08T23:59:06Z", end: "2024-08-08T23:59:20Z", grade: "C", note: "an example" });
  await picture("strategy-dark", "/strategies/minute_breakout", { state });
  await picture("strategy-light", "/strategies/minute_breakout", { state, theme: "light", act: (page) => page.evaluate(() => document.getElementById("z1_entry")?.scrollIntoView()) });
  await picture("strategy-phone", "/strategies/minute_breakout", { state, size: PHONE });
  await picture("recording-dark", `/recordings/${recording.session_id}`, { state });
  await picture("operations-light", "/operations", { state, theme: "light" });
  const setup = await open(await browser.newContext({ viewport: { width: 900, height: 640 }, colorScheme: "dark" }), empty.url);
  await setup.waitForSelector("input[name=code]");
  await keep(setup, "setup");
  await picture("stale", board, { state, act: async (page) => { demo.child.kill("SIGSTOP"); await page.waitForSelector(".banner"); await page.waitForTimeout(3000); } });
} finally {
  await browser.close();
  await Promise.all([demo.stop(), empty.stop()]);
}
