// What every check needs: daemons as processes, browser pages that note what goes wrong, one line per check.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Starts the binary and waits until it says that it is ready. */
export async function daemon(tradingd, args, pattern = "tradingd is ready") {
  const child = spawn(tradingd, args, { stdio: ["ignore", "ignore", "pipe"] });
  const one = { child, log: "", stop: () => new Promise((done) => { child.once("exit", done); child.kill("SIGCONT"); child.kill("SIGTERM"); }) };
  await new Promise((resolve, reject) => {
    child.on("exit", (code) => reject(new Error(`the daemon ended with ${code}:\n${one.log}`)));
    child.stderr.on("data", (text) => { one.log += text; if (one.log.includes(pattern)) resolve(); });
  });
  const told = (name) => one.log.match(new RegExp(`^ +${name} +(\\S+)$`, "m"))?.[1];
  one.url = told("open") ?? one.log.match(/listens on (http:\S+)/)[1];
  one.user = told("user");
  one.password = told("password");
  return one;
}

/** A daemon without users, exchange and data, in a folder of its own. */
export async function emptyDaemon(tradingd) {
  const folder = mkdtempSync(join(tmpdir(), "tradingd-browser-"));
  const config = join(folder, "config.json");
  writeFileSync(config, JSON.stringify({ http: { listen: "127.0.0.1:0" }, exchange: { enabled: false } }));
  const state = join(folder, "state");
  const one = await daemon(tradingd, ["run", "--state", state, "--config", config]);
  one.state = state;
  one.code = one.log.match(/setup code (\S+)/)[1];
  const { stop } = one;
  one.stop = async () => { await stop(); rmSync(folder, { recursive: true, force: true }); };
  return one;
}

/** Everything that must not happen on any page, with the page's address. */
export const wrong = [];

/** A page that notes errors, dialogs, violations of the policy and requests to other hosts. */
export async function open(context, url) {
  const page = await context.newPage();
  const note = (text) => wrong.push(`${page.url()}: ${text}`);
  page.on("pageerror", (error) => note(error.message));
  page.on("dialog", (dialog) => { note(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("console", (message) => { if (/Content Security Policy|Content-Security-Policy/.test(message.text())) note(message.text()); });
  page.on("request", (request) => { const { origin, protocol } = new URL(request.url()); if (protocol !== "data:" && origin !== new URL(url).origin) note(`asks ${origin}`); });
  await page.goto(url);
  return page;
}

export async function login(page, { user, password }) {
  await page.fill("input[name=username]", user);
  await page.fill("input[name=password]", password);
  await page.click("form button");
  await page.waitForSelector("nav.side");
  await page.waitForSelector("main h1");
}

/** Goes to an address after the `#`. */
export async function visit(page, hash, isAgain = false) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await page.waitForSelector("main h1");
  // The first page after a login may still have been on its way.
  if (!isAgain && !new URL(page.url()).hash.startsWith(`#${hash}`)) await visit(page, hash, true);
}

/** The REST API with a login of its own. */
export async function client(url, user, password) {
  const json = async (answer) => (await answer).json();
  const headers = { "Content-Type": "application/json" };
  const login = await json(fetch(`${url}/api/v1/auth/login`, { method: "POST", headers, body: JSON.stringify({ username: user, password }) }));
  headers.Authorization = `Bearer ${login.data.access_token}`;
  headers["X-CSRF-Token"] = (await json(fetch(`${url}/csrf-token`, { headers }))).data.token;
  return {
    get: async (path) => { const answer = await json(fetch(url + path, { headers })); return answer.data ?? answer; },
    post: async (path, body) => json(fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) })),
  };
}

let failed = 0;

/** Runs a check and prints its line. */
export async function check(name, action) {
  const start = performance.now();
  try {
    const figures = await action();
    console.log(`ok  ${name}${figures ? `: ${figures}` : ""} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n${error.stack}`);
  }
}

export function finish() {
  const once = [...new Set(wrong)];
  if (once.length) { failed += 1; console.log(`FAILED  nothing goes wrong on any page\n${once.slice(0, 20).join("\n")}`); } else console.log("ok  no error, no dialog, no violation of the policy, no request to another host on any page");
  process.exitCode = failed ? 1 : 0;
}

export { assert };
