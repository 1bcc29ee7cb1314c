// The reference frontend: React's two hooks stand in, its variables are given, its code runs as it is.

import { readFileSync } from "node:fs";
import { transform } from "sucrase";
import { assert, check } from "./harness.mjs";

export async function frontend(page, { user, password }) {
  const code = transform(readFileSync(new URL("seed.ts", import.meta.url), "utf8"), { transforms: ["typescript"] }).code;
  await check("the reference frontend: strategies, symbols of the exchange, an imported recording, start, stop", async () => {
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
      const selectedSymbols = [], backtestSessionId = whole.session_id;
      const selectedStrategies = ["minute_breakout", "pump_v2"];
      let currentSessionId = null, running = false;
      const setCurrentSessionId = (id) => { currentSessionId = id; }, setIsSessionRunning = (is) => { running = is; }, setLoading = () => {};

      ${code}

      const lists = () => state.filter(Array.isArray).flat();
      const isThere = (test) => lists().some(test);
      for (let n = 0; n < 400 && !(isThere((row) => row.strategy_name) && isThere((row) => row.session_id) && isThere((row) => row.symbol)); n += 1) {
        await new Promise((wake) => setTimeout(wake, 25));
      }
      // The symbols that the user picks are the exchange's, whatever the recording's files call them.
      selectedSymbols.push(...lists().map((row) => row.symbol).filter((symbol) => ["BTC_USDT", "ETH_USDT"].includes(symbol)));
      await handleStartSession();
      const started = currentSessionId, wasRunning = running;
      const before = (await json(fetch("/sessions/" + started))).data.status;
      await handleStopSession();
      const after = (await json(fetch("/sessions/" + started))).data.status;
      return { lists: lists(), picked: selectedSymbols, recorded: whole.symbols, started, wasRunning, before, after, running, currentSessionId, pushed, alerts };
    })()`);
    assert.deepEqual(seen.alerts, []);
    assert.ok(seen.lists.some((row) => row.id === "pump_v2" && row.strategy_name && row.direction === "long"), "strategies");
    assert.ok(seen.lists.some((row) => row.symbol === "BTC_USDT" && row.price > 0 && row.volume24h > 0), "symbols with prices");
    assert.ok(seen.lists.some((row) => row.session_id && row.records_collected > 0), "recordings");
    assert.deepEqual([...seen.picked].sort(), ["BTC_USDT", "ETH_USDT"]);
    assert.deepEqual(seen.recorded, ["BTCUSDT", "ETHUSDT"]);
    assert.match(seen.started, /^exec_\d{8}_\d{6}_[0-9a-f]{6}$/);
    assert.deepEqual([seen.wasRunning, seen.running, seen.currentSessionId], [true, false, null]);
    assert.deepEqual(seen.pushed, ["/dashboard"]);
    assert.ok(["starting", "running"].includes(seen.before), seen.before);
    assert.equal(seen.after, "stopped");
  });
}
