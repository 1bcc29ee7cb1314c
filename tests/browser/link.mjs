// The connection: a socket that is cut, a daemon that is frozen or gone, an expired login in two tabs at once.

import { assert, check, open, visit } from "./harness.mjs";

const SEEN_MS = 3000;

/** Milliseconds until the page says that the link is in one of the states. */
async function until(page, states) {
  const start = performance.now();
  await page.waitForFunction((wanted) => wanted.includes(document.querySelector("[data-link]")?.dataset.link), states, { timeout: 15_000, polling: 50 });
  return Math.round(performance.now() - start);
}

export async function cut(context, demo) {
  const page = await context.newPage();
  let close = null;
  await page.routeWebSocket("**/ws", (socket) => { const server = socket.connectToServer(); close = () => { server.close(); socket.close(); }; });
  await page.goto(demo.url);
  await page.waitForSelector("nav.side");
  await check("a cut WebSocket is seen within 3 s and comes back by itself", async () => {
    await until(page, ["connected"]);
    close();
    const ms = await until(page, ["offline", "stale"]);
    assert.ok(ms <= SEEN_MS, `${ms} ms`);
    await until(page, ["connected"]);
    return `${ms} ms`;
  });
  await page.close();
}

export async function tabs(context, demo) {
  await check("a login that expired is renewed once for two tabs that ask at the same time", async () => {
    const pages = [await open(context, demo.url), await open(context, demo.url)];
    await Promise.all(pages.map((page) => page.waitForSelector("nav.side")));
    await context.clearCookies({ name: "access_token" });
    await Promise.all(pages.map((page) => visit(page, "/results")));
    await Promise.all(pages.map((page) => page.waitForSelector("[aria-label=Results] tbody tr")));
    await Promise.all(pages.map((page) => page.reload()));
    await Promise.all(pages.map((page) => page.waitForSelector("nav.side")));
    await Promise.all(pages.map((page) => page.close()));
  });
}

/** The last checks on a daemon: frozen, thawed, ended. */
export async function frozenAndGone(page, demo) {
  await check("a frozen daemon is seen within 3 s, with the age of what is shown", async () => {
    await until(page, ["connected"]);
    demo.child.kill("SIGSTOP");
    const ms = await until(page, ["stale", "offline"]);
    assert.ok(ms <= SEEN_MS, `${ms} ms`);
    assert.match(await page.textContent(".banner"), /\d/);
    demo.child.kill("SIGCONT");
    await until(page, ["connected"]);
    return `${ms} ms`;
  });
  await check("a daemon that is gone is seen within 3 s", async () => {
    const ended = new Promise((done) => { demo.child.once("exit", done); });
    demo.child.kill("SIGKILL");
    const ms = await until(page, ["offline"]);
    assert.ok(ms <= SEEN_MS, `${ms} ms`);
    await ended;
    return `${ms} ms`;
  });
}

