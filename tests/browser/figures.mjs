// Figures: weight and time of the first page, memory and work of the main thread on a busy board.

import { assert, check, client, open, visit } from "./harness.mjs";

const FIRST_PAGE_KIB = 300;

export async function firstPage(browser, demo) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  let bytes = 0;
  session.on("Network.loadingFinished", ({ encodedDataLength }) => { bytes += encodedDataLength; });
  await check(`the first page is at most ${FIRST_PAGE_KIB} KiB`, async () => {
    await page.goto(demo.url);
    await page.waitForSelector("input[name=password]");
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? null);
    assert.ok(bytes <= FIRST_PAGE_KIB * 1024, `${bytes} bytes`);
    return `${Math.round(bytes / 1024)} KiB, first content after ${Math.round(paint)} ms`;
  });
  await context.close();
}

const SYMBOLS = 50;
const UPDATES_PER_SECOND = 10;
const READINGS = 10;

/** Runs in the page before its scripts: the demo's paper session has many symbols, each with so many prices a second. */
function manySymbols([symbols, perSecond]) {
  const names = Array.from({ length: symbols }, (_, n) => ["BTC_USDT", "ETH_USDT", "GENERATEDPUMP_USDT"][n] ?? `MANY${n}_USDT`);
  const widen = (session) => { if (session?.session_type === "paper") session.symbols = names; };
  const rewrite = (text) => {
    if (!text.includes('"snapshot"') && !text.includes('"response"')) return text;
    const message = JSON.parse(text);
    widen(message.data);
    message.data?.sessions?.forEach?.(widen);
    const { states, feeds } = message.data ?? {};
    if (states) message.data = { ...message.data, states: names.flatMap((symbol, n) => states.slice(0, 2).map((one, k) => ({ ...one, symbol, instance: 2 * n + k }))), feeds: names.map((symbol) => ({ ...feeds[0], symbol })), total_count: 2 * symbols };
    return JSON.stringify(message);
  };
  const Real = window.WebSocket;
  let seq = 1e9;
  window.WebSocket = class extends Real {
    set onmessage(heard) {
      super.onmessage = (event) => {
        const text = rewrite(event.data);
        const session = text.match(/"stream":"market_data","session_id":"([^"]+)"/)?.[1];
        if (session && !this.timer) this.timer = setInterval(() => {
          for (const symbol of names) heard({ data: JSON.stringify({ type: "update", stream: "market_data", session_id: session, seq: seq += 1, data: { event: "market_data", session_id: session, symbol, price: 100 + Math.random(), timestamp: new Date().toISOString() } }) });
        }, 1000 / perSecond);
        heard({ data: text });
      };
    }
  };
  const { fetch: real } = window;
  window.fetch = async (url, options) => {
    const answer = await real(url, options);
    return /\/sessions(\/exec[^/]*(\/states.*)?|\?.*)?$/.test(String(url)) ? new Response(rewrite(await answer.text()), { status: answer.status, headers: answer.headers }) : answer;
  };
}

/** Memory after collecting garbage, and work of the renderer, on a board with many symbols. */
export async function busyBoard(browser, demo, state, seconds) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state });
  await context.addInitScript(manySymbols, [SYMBOLS, UPDATES_PER_SECOND]);
  const page = await open(context, demo.url);
  await page.waitForSelector(".chart canvas");
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.enable");
  // Time of the thread, not of the clock: other programs of a shared machine do not count.
  await session.send("Performance.enable", { timeDomain: "threadTicks" });
  // The smallest of several readings: what the page is drawing at the moment of one adds up to 2 MiB to it.
  const heap = async () => {
    const readings = [];
    while (readings.length < READINGS) {
      await session.send("HeapProfiler.collectGarbage");
      readings.push((await session.send("Runtime.getHeapUsage")).usedSize / 2 ** 20);
      await page.waitForTimeout(300);
    }
    return Math.min(...readings);
  };
  const metrics = async () => Object.fromEntries((await session.send("Performance.getMetrics")).metrics.map((one) => [one.name, one.value]));
  await check(`a board with ${SYMBOLS} symbols at ${UPDATES_PER_SECOND} updates a second each for ${seconds} s keeps its memory`, async () => {
    await page.waitForFunction((many) => document.querySelectorAll(".watch button").length === many, SYMBOLS);
    await page.waitForTimeout(5000);
    const before = await heap();
    await page.evaluate(() => {
      window.long = [];
      new PerformanceObserver((list) => window.long.push(...list.getEntries().map((one) => one.duration))).observe({ entryTypes: ["longtask"] });
    });
    const [from, at] = [await metrics(), performance.now()];
    await page.waitForTimeout(seconds * 1000);
    const [to, spent] = [await metrics(), (performance.now() - at) / 1000];
    const long = await page.evaluate(() => window.long);
    const grown = await heap() - before;
    const share = (name) => `${(100 * (to[name] - from[name]) / spent).toFixed(0)} %`;
    // Events and candles of the session stay, up to a bound, and most of the room for them is taken in the first minutes.
    assert.ok(grown <= 2 + seconds / 300, `grew by ${grown.toFixed(2)} MiB from ${before.toFixed(1)} MiB`);
    return `${before.toFixed(1)} MiB, ${grown >= 0 ? "+" : ""}${grown.toFixed(2)} MiB; scripts ${share("ScriptDuration")}, all tasks ${share("TaskDuration")} of the time; ${long.length} tasks over 50 ms, longest ${Math.round(Math.max(0, ...long))} ms`;
  });
  await context.close();
}

const TRADES = 5_000;
/** What the daemon sends at most of a curve, however many points it has. */
const POINTS = 4_000;

/** A report with many trades, made from a real one; `fetch` answers with them inside the page. */
export async function bigReport(context, demo) {
  const page = await open(context, demo.url);
  const api = await client(demo.url, demo.user, demo.password);
  const id = (await api.get("/results")).results.at(-1).result_id;
  await check(`a report of ${TRADES} trades and the ${POINTS} points that the daemon sends of a long curve`, async () => {
    await visit(page, `/results/${id}`);
    await page.waitForSelector("[aria-label=Trades] tbody tr");
    await page.evaluate(async ([path, many, points]) => {
      const ask = async (name) => (await (await fetch(path + name)).json()).data;
      const [{ trades }, { equity }, result] = [await ask("/trades"), await ask("/equity"), await ask("")];
      const later = (seconds) => new Date(Date.parse(result.start) + seconds * 1000).toISOString();
      const answers = {
        trades: { trades: Array.from({ length: many }, (_, n) => ({ ...trades[n % trades.length], entry_time: later(20 * n), exit_time: later(20 * n + 15), net: Math.sin(n) * 5, net_pct: Math.sin(n) })) },
        equity: { equity: Array.from({ length: points }, (_, n) => ({ ...equity[n % equity.length], time: later(25 * n), equity: 10_000 + 100 * Math.sin(n / 500) })) },
      };
      for (const name of Object.keys(answers)) answers[name] = JSON.stringify({ type: "response", data: answers[name] });
      const { fetch: real } = window;
      window.fetch = (url, options) => {
        const name = Object.keys(answers).find((one) => String(url).startsWith(`${path}/${one}`));
        return name ? Promise.resolve(new Response(answers[name], { headers: { "Content-Type": "application/json" } })) : real(url, options);
      };
    }, [`/results/session/${id}`, TRADES, POINTS]);
    await visit(page, "/sessions");
    const ms = await page.evaluate(async (address) => {
      const start = performance.now();
      location.hash = address;
      while (!document.querySelector("[aria-label=Trades] tbody tr")) await new Promise(requestAnimationFrame);
      document.querySelector("[aria-label=Trades] tbody tr").click();
      while (!document.querySelector(".why")) await new Promise(requestAnimationFrame);
      return performance.now() - start;
    }, `#/results/${id}`);
    // The budget is a second on a machine of its own; tests share theirs.
    assert.ok(ms <= 4_000, `${Math.round(ms)} ms until a trade is explained`);
    return `a trade is explained ${Math.round(ms)} ms after the click on the result`;
  });
  await page.close();
}
