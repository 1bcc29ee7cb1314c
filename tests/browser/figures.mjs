// Figures: weight and time of the first page, memory and work of the main thread on a busy board.

import { assert, check, open, visit } from "./harness.mjs";

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

/** Memory after collecting garbage and work of the renderer, over some seconds of the demo's board. */
export async function busyBoard(context, demo, seconds) {
  const page = await open(context, demo.url);
  await visit(page, "/");
  await page.waitForSelector(".chart canvas");
  const session = await context.newCDPSession(page);
  await session.send("HeapProfiler.enable");
  await session.send("Performance.enable");
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize / 2 ** 20;
  };
  const metric = async (name) => (await session.send("Performance.getMetrics")).metrics.find((one) => one.name === name).value;
  await check(`memory of the board over ${seconds} s`, async () => {
    await page.evaluate(() => { window.longTasks = []; new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration))).observe({ entryTypes: ["longtask"] }); });
    await page.waitForTimeout(5000);
    const [before, busy, at] = [await heap(), await metric("TaskDuration"), performance.now()];
    await page.waitForTimeout(seconds * 1000);
    const share = 100 * (await metric("TaskDuration") - busy) / ((performance.now() - at) / 1000);
    const grown = await heap() - before;
    const long = await page.evaluate(() => window.longTasks);
    // The events of the session stay, up to a bound: a megabyte a minute is room for them.
    assert.ok(grown <= 1.5 * Math.max(1, seconds / 60), `grew by ${grown.toFixed(1)} MiB`);
    return `${before.toFixed(1)} MiB, ${grown >= 0 ? "+" : ""}${grown.toFixed(2)} MiB; renderer busy ${share.toFixed(0)} % of the time; ${long.length} tasks over 50 ms, longest ${Math.round(Math.max(0, ...long))} ms`;
  });
  await page.close();
}
