// Who may do what, on which screen: first-run setup, a viewer, a phone, both themes under axe-core.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { assert, check, client, login, open, visit } from "./harness.mjs";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** Leaves the login of the admin. */
export async function setup(browser, empty) {
  const context = await browser.newContext();
  const page = await open(context, empty.url);
  await check("first run: the setup code makes the admin, and the board says what to do next", async () => {
    await page.waitForSelector("text=Create the first admin");
    await page.fill("input[name=code]", empty.code);
    await page.fill("input[name=username]", "admin");
    await page.fill("input[name=password]", "short");
    await page.click("form button");
    await page.waitForSelector(".error");
    await page.fill("input[name=password]", "a password for tests");
    await page.click("form button");
    await page.waitForSelector("text=Nothing runs now");
    await page.click("main a:has-text('Start a session')");
    await page.waitForSelector("text=No recordings yet");
  });
  const state = await context.storageState();
  await context.close();
  return state;
}

export async function viewer(browser, demo) {
  const api = await client(demo.url, demo.user, demo.password);
  await api.post("/api/users", { username: "vera", password: "a password for tests", role: "viewer" });
  const context = await browser.newContext();
  const page = await open(context, demo.url);
  await check("a viewer sees the board, and cannot start or stop anything", async () => {
    await login(page, { user: "vera", password: "a password for tests" });
    await visit(page, "/start");
    await page.waitForSelector("text=The role viewer may not start backtest sessions.");
    assert.ok(await page.locator("button.start").isDisabled());
    await visit(page, "/sessions");
    await page.waitForSelector("tbody tr");
    assert.equal(await page.locator("tbody button").count(), 0);
  });
  await context.close();
}

/** Addresses of every page, with what is on the demo. */
export async function pages(demo) {
  const api = await client(demo.url, demo.user, demo.password);
  const result = (await api.get("/results")).results.at(-1).result_id;
  const two = (await api.get("/results")).results.slice(0, 2).map((one) => one.result_id);
  const paper = (await api.get("/sessions?type=paper")).sessions[0].session_id;
  const recording = (await api.get("/api/data-collection/sessions")).sessions.at(-1).session_id;
  const workshop = [
    "/strategies", "/strategies/pump_v2", "/strategies/new", "/strategies/pump_v2?tab=json", "/strategies/pump_v2?tab=versions", "/strategies/pump_v2?tab=uses",
    "/recordings", `/recordings/${recording}`, "/operations", "/operations?tab=configuration", "/operations?tab=users", "/operations?tab=logins", "/operations?tab=log",
  ];
  return [...workshop, "/", `/board/${paper}`, "/start", "/start?type=paper", "/start?type=live", "/start?type=collect", "/sessions", "/results", `/results/${result}`, `/results/${result}?trade=1`, `/compare?ids=${two.join(",")}`, "/nowhere"];
}

/** A page whose module comes late must not replace the one the user went on to. */
export async function quickClicks(browser, demo, state) {
  const context = await browser.newContext({ storageState: state });
  let release = () => {};
  const held = new Promise((done) => { release = () => done(undefined); });
  await context.route("**/pages/board.js*", async (route) => { await held; await route.continue(); });
  const page = await open(context, demo.url);
  await check("a page that loads slowly does not take the place of the next one", async () => {
    await page.waitForSelector("nav.side");
    await visit(page, "/strategies");
    const arrived = page.waitForResponse(/board\.js/);
    release();
    await (await arrived).finished();
    await page.evaluate(() => import("/console/pages/board.js"));
    await settled(page);
    assert.equal(await page.textContent("main h1"), "Strategies");
  });
  await context.close();
}

/** Waits until the page of the new address is there, without skeletons. */
async function settled(page) {
  await page.waitForTimeout(200);
  try {
    await page.waitForFunction(() => document.querySelector("main h1") && !document.querySelector(".skeleton"), null, { timeout: 15_000 });
  } catch (error) {
    throw new Error(`${page.url()} still loads: ${(await page.textContent("body")).slice(0, 400)}`, { cause: error });
  }
  await page.waitForTimeout(150);
}

export async function phone(browser, demo, state) {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, storageState: state });
  const page = await open(context, demo.url);
  await check("on a phone every page fits, and the emergency stop is in view", async () => {
    for (const address of await pages(demo)) {
      await page.evaluate((to) => { location.hash = to; }, address);
      await settled(page);
      const box = await page.locator(".strip .stop").boundingBox();
      assert.ok(box && box.x >= 0 && box.x + box.width <= 390 && box.y >= 0 && box.y + box.height <= 844, `${address}: the stop is at ${JSON.stringify(box)}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= 390, `${address} is ${wide} px wide`);
    }
  });
  await context.close();
}

export async function axe(browser, demo, state) {
  for (const theme of ["dark", "light"]) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, storageState: state, reducedMotion: "reduce" });
    await context.addInitScript((value) => localStorage.setItem("preferences", JSON.stringify({ theme: value })), theme);
    const page = await open(context, demo.url);
    await check(`axe-core finds nothing on any page, ${theme}`, async () => {
      const found = [];
      const addresses = await pages(demo);
      for (const address of addresses) {
        await page.evaluate((to) => { location.hash = to; }, address);
        await settled(page);
        await page.waitForSelector("h1");
        await page.evaluate(AXE);
        const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
        for (const one of violations) found.push(`${address} ${one.id}: ${one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(" | ")}`);
      }
      assert.deepEqual(found, []);
      return `${addresses.length} pages`;
    });
    await context.close();
  }
}
