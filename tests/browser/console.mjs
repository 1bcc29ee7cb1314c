// A browser against `tradingd demo`: the console by hand, then the reference frontend's code inside a page of the daemon.
//
//   node console.mjs TRADINGD CHROMIUM [PICTURE]   the binary, the browser, where to put a picture of the console

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";
import { transform } from "sucrase";

const [tradingd, browserPath, picture] = process.argv.slice(2);

/** Starts the demo and waits until it says how to log in. */
async function demo() {
  const child = spawn(tradingd, ["demo", "--listen", "127.0.0.1:8080"], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  await new Promise((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`the demo ended with ${code}:\n${log}`)));
    child.stderr.on("data", (text) => { log += text; if (log.includes("tradingd is ready")) resolve(); });
  });
  const said = (name) => log.match(new RegExp(`^ +${name} +(\\S+)$`, "m"))[1];
  assert.equal(said("open"), "http://127.0.0.1:8080", "port 8080 is taken: the reference frontend asks there");
  return { child, user: said("user"), password: said("password") };
}

const { child, user, password } = await demo();
const browser = await chromium.launch({ executablePath: browserPath, args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: "dark" });
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(error.message));
  page.on("dialog", (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await page.goto("http://localhost:8080/");

  // A wrong password is said in words, a right one opens the console.
  await page.fill("input[name=username]", user);
  await page.fill("input[name=password]", "not the password");
  await page.click("form button");
  await page.waitForFunction(() => document.querySelector(".error").textContent.length > 10);
  await page.fill("input[name=password]", password);
  await page.click("form button");
  await page.waitForSelector("text=completed");
  assert.equal(await page.locator("section").count(), 4);
  console.log("ok  log in, a finished backtest is there");

  // A backtest started here is shown while it runs and ends by itself.
  await page.selectOption("select[name=strategy]", "minute_breakout");
  await page.selectOption("select[name=speed]", "60");
  // Twice, as an impatient hand does: one session starts.
  await page.dblclick("form.row button");
  await page.waitForFunction(() => document.querySelector("progress")?.value > 20);
  if (picture) await page.screenshot({ path: picture });
  await page.waitForFunction(() => document.querySelectorAll("td .good").length === 2);
  const backtests = await page.locator("tr", { has: page.locator("td", { hasText: /^backtest$/ }) }).count();
  assert.equal(backtests, 2, "the demo's own and one of the double click");
  console.log("ok  a double click starts one backtest, which runs to its end, pushed over the WebSocket");

  const [report] = await Promise.all([page.waitForEvent("popup"), page.click("text=Report >> nth=0")]);
  await report.waitForSelector("svg");
  assert.match(await report.title(), /tradingd|minute_breakout|BTCUSDT/i);
  await report.close();
  console.log("ok  its report opens");

  await frontend(page);
  await page.click("#logout");
  await page.waitForSelector("input[name=password]");
  console.log("ok  log out");
  assert.deepEqual(wrong, []);
} finally {
  await browser.close();
  child.kill("SIGTERM");
}

/** The reference frontend: React's two hooks stand in, its variables are given, its code runs as it is. */
async function frontend(page) {
  const code = transform(readFileSync(new URL("seed.ts", import.meta.url), "utf8"), { transforms: ["typescript"] }).code;
  const seen = await page.evaluate(`(async () => {
    const json = async (answer) => (await answer).json();
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(${JSON.stringify({ username: user, password })});
    const login = await json(fetch("/api/v1/auth/login", { method: "POST", headers, body }));
    const recordings = await json(fetch("/api/data-collection/sessions"));
    const whole = recordings.sessions.find((recording) => recording.status === "completed");
    const state = [];
    const useState = (initial) => { const at = state.push(initial) - 1; return [initial, (value) => { state[at] = value; }]; };
    const useEffect = (effect) => effect();
    const pushed = [], alerts = [];
    const router = { push: (path) => pushed.push(path) }, alert = (text) => alerts.push(text);
    const authToken = login.data.access_token, csrfToken = (await json(fetch("/csrf-token"))).data.token;
    const mode = "backtest", globalBudget = 1000, stopLoss = 5.0, takeProfit = 10.0, accelerationFactor = 1;
    const selectedSymbols = whole.symbols, backtestSessionId = whole.session_id;
    const selectedStrategies = ["minute_breakout", "pump_v2"];
    let currentSessionId = null, running = false;
    const setCurrentSessionId = (id) => { currentSessionId = id; }, setIsSessionRunning = (is) => { running = is; }, setLoading = () => {};

    ${code}

    const lists = () => state.filter(Array.isArray).flat();
    for (let n = 0; n < 400 && !(lists().some((row) => row.strategy_name) && lists().some((row) => row.session_id)); n += 1) {
      await new Promise((wake) => setTimeout(wake, 25));
    }
    await handleStartSession();
    const started = currentSessionId, wasRunning = running;
    const before = (await json(fetch("/sessions/" + started))).data.status;
    await handleStopSession();
    const after = (await json(fetch("/sessions/" + started))).data.status;
    return { lists: lists(), started, wasRunning, before, after, running, currentSessionId, pushed, alerts };
  })()`);
  assert.deepEqual(seen.alerts, []);
  assert.ok(seen.lists.some((row) => row.id === "pump_v2" && row.strategy_name && row.direction === "long"), "strategies");
  assert.ok(seen.lists.some((row) => row.session_id && row.records_collected > 0), "recordings");
  assert.match(seen.started, /^exec_\d{8}_\d{6}_[0-9a-f]{6}$/);
  assert.deepEqual([seen.wasRunning, seen.running, seen.currentSessionId], [true, false, null]);
  assert.deepEqual(seen.pushed, ["/dashboard"]);
  assert.ok(["starting", "running"].includes(seen.before), seen.before);
  assert.equal(seen.after, "stopped");
  console.log("ok  the reference frontend: strategies, recordings, start, stop");
}
