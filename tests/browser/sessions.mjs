// Starting, watching and reading sessions, by hand in a page.

import { assert, check, client, login, open, visit } from "./harness.mjs";

/** The login page. */
export async function entrance(context, demo) {
  const page = await open(context, demo.url);
  await check("the first visit asks for the login and does not say that one has ended", async () => {
    await page.waitForSelector("input[name=password]");
    assert.doesNotMatch(await page.textContent("form"), /has ended/);
  });
  await check("a wrong password is said in words, a right one opens the console", async () => {
    await page.fill("input[name=username]", demo.user);
    await page.fill("input[name=password]", "not the password");
    await page.click("form button");
    await page.waitForFunction(() => document.querySelector(".error")?.textContent.length > 10);
    await login(page, demo);
    assert.equal(await page.textContent(".mode"), "PAPER");
  });
  return page;
}

export async function starting(page, demo) {
  const api = await client(demo.url, demo.user, demo.password);
  await check("a double click starts one backtest, after the checks allow it", async () => {
    await visit(page, "/start");
    const start = page.locator("button.start");
    assert.ok(await start.isDisabled(), "nothing is chosen yet");
    await page.waitForSelector("text=Choose at least one strategy.");
    await page.fill("input[aria-label='Search strategies']", "minute_breakout");
    await page.click("[aria-label=Strategies] tr:has-text('minute_breakout') input");
    await page.click("[aria-label=Data] tr:has-text('completed') input[type=radio]");
    await page.selectOption("#field-acceleration_factor select", "60");
    // More than the cap is said at once, and keeps it from starting.
    await page.fill("[aria-label='Budget of minute_breakout']", "1500");
    await page.waitForSelector("text=over the cap of 1000.00 USDT");
    assert.ok(await start.isDisabled());
    await page.fill("[aria-label='Budget of minute_breakout']", "60%");
    await page.waitForSelector("text=Ready to start.");
    await page.click("button:has-text('JSON')");
    assert.match(await page.textContent("pre"), /"global_cap": 1000[\s\S]*"60%"/);
    const backtests = async () => (await api.get("/sessions?type=backtest")).sessions.length;
    const before = await backtests();
    await start.dblclick();
    await page.waitForFunction(() => location.hash.startsWith("#/board/exec_"));
    assert.equal(await backtests(), before + 1, "one session of two clicks");
  });
  await check("amounts are in the currency of the recording or of the symbols", async () => {
    const shown = await page.evaluate(async () => {
      const { amount, currencyOf, emptyForm } = await import("/console/core/session_form.js");
      const of = (changes, recording) => amount(0.001, currencyOf({ ...emptyForm(), ...changes }, recording));
      return [of({}, { currency: "BTC" }), of({ type: "paper", symbols: ["BTC_USDT"] }), of({ type: "paper", symbols: ["BTC_USDT", "ETH_USDC"] })];
    });
    assert.deepEqual(shown, ["0.001000 BTC", "0.00 USDT", "0.00"]);
  });
  await check("its progress is pushed, a reload in the middle loses nothing, and it ends by itself", async () => {
    await page.waitForFunction(() => document.querySelector("progress")?.value > 10);
    await page.reload();
    await page.waitForFunction(() => document.querySelector("progress")?.value > 10);
    await page.waitForSelector(".head .badge:has-text('completed')", { timeout: 60_000 });
    await page.waitForSelector("[aria-label=Trades] tbody tr");
  });
  await check("the report has its tiles, a chart per trade and why it was entered and left", async () => {
    await page.click(".head a:has-text('Report')");
    await page.waitForSelector(".tile:has-text('Profit factor')");
    await page.click("[aria-label=Trades] tbody tr >> nth=2");
    await page.waitForSelector("text=Why it was entered");
    assert.match(await page.evaluate(() => location.hash), /trade=2/);
    assert.match(await page.textContent("[aria-label='Why there was a signal']"), /S1[\s\S]*met/);
    await page.keyboard.press("]");
    await page.waitForFunction(() => location.hash.includes("trade=3"));
    const [page2] = await Promise.all([page.waitForEvent("popup"), page.click("a:has-text('HTML')")]);
    await page2.waitForSelector("svg");
    await page2.close();
  });
  await check("two results are compared side by side", async () => {
    await visit(page, "/results");
    await page.click("tbody input >> nth=0");
    await page.click("tbody input >> nth=1");
    await page.click("button:has-text('Compare 2')");
    await page.waitForSelector("[aria-label=Compare] >> text=Profit factor");
  });
}

/** The paper session of the demo, on the rehearsal exchange. */
export async function paper(page, demo, picture) {
  const api = await client(demo.url, demo.user, demo.password);
  const { sessions } = await api.get("/sessions?type=paper");
  const id = sessions[0].session_id;
  await check("the board shows what every strategy waits for, positions, trades and decisions of three symbols", async () => {
    await visit(page, `/board/${id}?symbol=GENERATEDPUMP_USDT`);
    await page.waitForSelector(".watch button:nth-child(3)");
    await page.waitForSelector(".condition .meter");
    await page.waitForSelector(".chart canvas");
    await page.waitForSelector("[aria-label=Trades] tr:has-text('GENERATEDPUMP_USDT')", { timeout: 150_000 });
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length > 20);
  });
  await check("a line of the log opens its conditions; a trade finds its mark and says why", async () => {
    await page.click(".log .line:has(.is-s1)");
    await page.waitForSelector("[aria-label=Conditions] >> text=met");
    await page.click("[aria-label=Trades] tr:has-text('GENERATEDPUMP_USDT') >> nth=0");
    await page.waitForSelector("text=Why it was entered");
    if (picture) { await page.waitForTimeout(1500); await page.keyboard.press("Escape"); }
  });
  await check("a part that cannot be read is named, with the time of what is shown instead", async () => {
    await page.route("**/sessions/*/positions", (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ type: "error", error_code: "overloaded", error_message: "too much to do" }) }));
    await page.waitForSelector("text=The positions could not be read (too much to do). What is shown is of");
    await page.unroute("**/sessions/*/positions");
    await page.waitForSelector("text=The positions could not be read", { state: "detached" });
  });
  await check("the positions of a live session are those of the exchange too, and an account that was not read is no empty one", async () => {
    const shown = await page.evaluate(async () => {
      const [{ html, render }, { Positions }] = await Promise.all([import("/console/core/view.js"), import("/console/parts/session_now.js")]);
      const text = (positions, at_exchange) => {
        const root = document.createElement("div");
        render(html`<${Positions} session=${{ session_type: "live" }} now=${{ positions: { positions, at_exchange } }} />`, root);
        return root.textContent;
      };
      const own = { instance: 1, symbol: "BTC_USDT", side: "long", leverage: 2, quantity: 1, entry_price: 100, targets: [], opened_at: new Date().toISOString() };
      const held = { symbol: "BTC_USDT", side: "long", quantity: 1, entry_price: 100, stop_price: 90, unprotected_since: null, told_at: new Date().toISOString() };
      return [text([], []), text([], [held]), text([], null), text([own], []), text([own], null), text([own], [held])];
    });
    const [flat, foreign, unread, gone, unknown, both] = shown;
    assert.match(flat, /No open position/);
    assert.match(foreign, /BTC_USDT▲ longonly at the exchange[\s\S]*✓ stop 90/);
    assert.match(unread, /its account was not read/);
    for (const text of [foreign, unread]) assert.doesNotMatch(text, /No open position/);
    assert.match(gone, /not at the exchange/);
    assert.match(unknown, /not known: the account was not read/);
    assert.match(both, /▲ long 2×[\s\S]*✓ stop 90/);
    assert.doesNotMatch(both, /only at the exchange/);
  });
  await check("after a reload nothing is missing: the page has every event of the log", async () => {
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll(".log > li").length > 20);
    const shown = await page.evaluate(async (session) => {
      const { state } = await import("/console/core/store.js");
      return state.events[session].list.map((event) => event.seq);
    }, id);
    assert.deepEqual(shown, shown.map((_, n) => n + 1), "numbers from 1 without a hole");
  });
  if (picture) {
    await page.waitForFunction(() => document.querySelector(".chart canvas"));
    await page.waitForTimeout(3000);
    await page.screenshot({ path: picture });
  }
  await check("emergency stop: a short press does nothing, one second ends the paper session and no backtest", async () => {
    const running = async (type) => (await api.get(`/sessions?status=running&type=${type}`)).sessions.length;
    const completed = (await api.get("/api/data-collection/sessions")).sessions.find((one) => one.status === "completed");
    await api.post("/sessions/start", { session_type: "backtest", strategy_config: { strategies: ["minute_breakout"] }, config: { session_id: completed.session_id, acceleration_factor: 1 } });
    const stop = page.locator(".strip .stop");
    await stop.click();
    await page.waitForTimeout(300);
    assert.equal(await running("paper"), 1);
    await stop.hover();
    await page.mouse.down();
    await page.waitForSelector(".notice", { timeout: 15_000 });
    await page.mouse.up();
    assert.equal(await running("backtest"), 1);
  });
}

/** Symbols with prices; without the exchange the configured ones, and the page says so. */
export async function symbols(page) {
  await check("symbols have prices; without the exchange the configured ones are there, and the page says so", async () => {
    await visit(page, "/start?type=paper");
    await page.waitForSelector("[aria-label=Symbols] >> text=GENERATEDPUMP_USDT");
    assert.match(await page.textContent("[aria-label=Symbols] tbody tr"), /BTC_USDT[\d,.]+/);
    await page.click("button:has-text('Top 10 movers')");
    await page.waitForSelector(".chip >> nth=2");
    await page.route("**/api/exchange/symbols*", (route) => route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ type: "error", error_code: "exchange_unavailable", error_message: "the exchange does not answer" }) }));
    await page.reload();
    await page.waitForSelector("text=The exchange does not answer");
    await page.waitForSelector("[aria-label=Symbols] >> text=GENERATEDPUMP_USDT");
    await page.unroute("**/api/exchange/symbols*");
  });
  await check("a preset brings back the request, also one that came over the API", async () => {
    await page.evaluate(async () => {
      const { put } = await import("/console/core/api.js");
      await put("/api/presets/from-the-api", { request: { session_type: "paper", symbols: ["BTC_USDT"], strategy_config: { strategies: ["pump_v2"] }, config: { budget: { global_cap: 321 }, latency_ms: 90 } } });
    });
    await page.reload();
    await page.click(".presets >> text=from-the-api");
    await page.waitForFunction(() => document.querySelector("#field-global_cap input").value === "321" && document.querySelector("#field-latency_ms input").value === "90");
    await page.fill("input[aria-label='Name of a preset']", "of-the-page");
    await page.click(".presets button:has-text('Save')");
    await page.click("button.type:has-text('Collect')");
    await page.click(".presets >> text=of-the-page");
    await page.waitForFunction(() => document.querySelector("#field-global_cap input")?.value === "321");
  });
}
