// Results that the command line kept: they have no session, and every page of results shows them as the command line prints them.

import { execFileSync } from "node:child_process";
import { assert, check, open, visit } from "./harness.mjs";

const DATA = ["trades", "book20"].map((stream) => `tests/data/binance-usdm_BTCUSDT_20240808.${stream}.csv.gz`);
const STRATEGY = "config/strategies/examples/quick_breakout.json";

/** With the minus sign and the decimals of the pages. @param {number} value */
const amount = (value) => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;

/** A page of a logged-in admin on a daemon without other results. */
export async function results(browser, tradingd, daemon, state) {
  const command = (...args) => execFileSync(tradingd, [...args, "--state", daemon.state], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const keep = (...options) => command("backtest", "--strategy", STRATEGY, "--data", ...DATA, "--keep", ...options);
  keep();
  keep("--fees", "0,0.01", "--latency-ms", "350");
  const kept = JSON.parse(command("results", "list", "--json")).results;
  const ids = kept.map((one) => one.id);
  const printed = ids.map((id) => JSON.parse(command("results", "show", id)).results[0]);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state });
  const page = await open(context, daemon.url);
  await page.waitForSelector("nav.side");
  const cells = (label) => page.$$eval(`[aria-label='${label}'] tbody tr`, (rows) => rows.map((row) => [...row.cells].map((cell) => cell.textContent.trim())));
  const value = (run, metric) => run.metrics[metric].value;
  await check("results of the command line are listed with strategy, net and trades", async () => {
    await visit(page, "/results");
    await page.waitForSelector("[aria-label=Results] tbody tr");
    const rows = await cells("Results");
    assert.equal(rows.length, 2);
    for (const [n, run] of printed.entries()) {
      const text = rows[n].join(" | ");
      for (const wanted of [run.strategies[0].id, "BTCUSDT", `${amount(value(run, "net_profit"))} USDT`, String(run.trades.length)]) assert.ok(text.includes(wanted), `${wanted}: ${text}`);
    }
  });
  await check("the report of a result without a session has the command line's name, net and trades, and no board", async () => {
    for (const [n, run] of printed.entries()) {
      assert.ok(run.trades.length > 1, "there are trades to compare");
      await visit(page, `/results/${ids[n]}`);
      await page.waitForSelector(`text=${run.digest.slice(0, 16)}`);
      assert.equal(await page.textContent("main h1"), run.strategies[0].name);
      assert.ok((await page.textContent(".tile:has-text('Net profit USDT')")).includes(amount(value(run, "net_profit"))));
      assert.deepEqual((await cells("Trades")).map((row) => [row[0], row[1], row[10].replace(/[▲▼ ]/g, "")]), run.trades.map((trade, at) => [String(at + 1), trade.symbol, amount(trade.net)]));
      assert.equal(await page.locator(".head a:has-text('Board')").count(), 0);
    }
    const [sheet] = await Promise.all([page.waitForEvent("popup"), page.click("a:has-text('HTML')")]);
    await sheet.waitForSelector("svg");
    assert.ok((await sheet.textContent("body")).includes(printed.at(-1).digest));
    await sheet.close();
  });
  await check("two of them are compared with the command line's numbers and the assumptions that differ", async () => {
    await visit(page, `/compare?ids=${ids.join(",")}`);
    await page.waitForSelector("[aria-label=Compare] tbody tr");
    const row = async (label, name) => (await cells(label)).find(([first]) => first === name)?.slice(1).map((cell) => cell.replace(/ ?★/, ""));
    const unsigned = (run, metric) => amount(value(run, metric)).replace("+", "");
    assert.deepEqual(await row("Compare", "Net profit"), printed.map((run) => unsigned(run, "net_profit")));
    assert.deepEqual(await row("Compare", "Fees"), printed.map((run) => unsigned(run, "fees")));
    assert.deepEqual(await row("Compare", "Trades"), printed.map((run) => String(run.trades.length)));
    const label = "Assumptions and settings that differ";
    assert.deepEqual(await row(label, "fees"), ["maker 0 %, taker 0.01 %", "maker 0.02 %, taker 0.06 %"]);
    assert.equal((await row(label, "latency ms"))[0], "350");
    assert.equal(await row(label, "clock"), undefined, "both run by the same clock");
  });
  await check("the start page of a daemon with such results loads, also when it is asked to repeat one", async () => {
    await visit(page, `/start?like=${ids[0]}`);
    await page.waitForSelector("[aria-label=Strategies] tbody tr");
  });
  await context.close();
}
