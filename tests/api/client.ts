// The main flow of a user, with nothing but the client that is generated from schema/openapi.json: tsc checks every
// field, this program that the daemon sends them.
//
//   node client.js URL USER PASSWORD RECORDING STRATEGY

import { readFileSync } from "node:fs";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./tradingd.js";

type Event = components["schemas"]["Event"];

const [url, username, password, recording, file] = process.argv.slice(2);
if (!url || !username || !password || !recording || !file) throw new Error("some arguments are missing");

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`the TypeScript client failed at: ${what}`);
}

const client = createClient<paths>({ baseUrl: url });

// A typed error: the code is a field of a known type.
const wrong = await client.POST("/api/v1/auth/login", { body: { username, password: "not the password" } });
check(wrong.error?.error_code === "authentication_failed", "a wrong password is refused");

const login = await client.POST("/api/v1/auth/login", { body: { username, password } });
check(login.data !== undefined, "log in");
const { access_token, user } = login.data.data;
check(user.role === "admin" && user.permissions.includes("run_backtest"), "the user may run backtests");
const authorization: Middleware = {
  onRequest: ({ request }) => request.headers.set("Authorization", `Bearer ${access_token}`),
};
client.use(authorization);
const csrf = await client.GET("/csrf-token");
check(csrf.data !== undefined, "a CSRF token");
const token = csrf.data.data.token;
client.use({ onRequest: ({ request }) => request.headers.set("X-CSRF-Token", token) });

const document: components["schemas"]["Strategy"] = JSON.parse(readFileSync(file, "utf8"));
document.strategy_name = "of_typescript";
const kept = await client.POST("/api/strategies", { body: document });
check(kept.data?.data.version === 1, `keep a strategy: ${JSON.stringify(kept.error)}`);
const strategies = await client.GET("/api/strategies", { params: { query: { enabled: true } } });
check((strategies.data?.data.strategies ?? []).some((one) => one.id === "pump_v2" && one.direction === "long"), "pump_v2");

const unknown = await client.POST("/sessions/start", {
  body: { session_type: "backtest", strategy_config: { strategies: ["nothing"] }, config: { session_id: recording } },
});
check(unknown.error?.error_code === "strategy_not_found", "an unknown strategy is refused");
check(unknown.error.details?.problems?.[0]?.path === "/strategy_config/strategies/0", "with its place");

const start = async (acceleration_factor: number): Promise<string> => {
  const started = await client.POST("/sessions/start", {
    body: {
      session_type: "backtest",
      strategy_config: { strategies: ["of_typescript"] },
      config: { session_id: recording, acceleration_factor, initial_balance: 10_000, risk: "none" },
    },
  });
  check(started.data?.data.status === "session_started", `start: ${JSON.stringify(started.error)}`);
  return started.data.data.session_id;
};

// One that is stopped while it runs.
const slow = await start(1);
const account = await client.GET("/sessions/{id}/account", { params: { path: { id: slow } } });
check(account.data?.data.balance === 10_000, "its balance");
const stopped = await client.POST("/sessions/stop", { body: { session_id: slow } });
check(stopped.data?.data.status === "session_stopped", "stop");

// One that ends by itself.
const id = await start(0);
const ends = Date.now() + 120_000;
for (;;) {
  const session = await client.GET("/sessions/{id}", { params: { path: { id } } });
  check(session.data !== undefined && session.data.data.status !== "failed", "the session");
  if (session.data.data.status === "completed") break;
  check(Date.now() < ends, "the session ends");
  await new Promise((resolve) => setTimeout(resolve, 20));
}

// Every kind of event has its own fields, chosen by `event`.
const told = (event: Event): string => {
  switch (event.event) {
    case "session_started":
      return event.symbols.join(" ");
    case "fill":
      return `${event.order_id} at ${event.fill_price}`;
    case "session_completed":
      return `${event.trades ?? 0} trades`;
    default:
      return event.event;
  }
};
const events = await client.GET("/sessions/{id}/events", { params: { path: { id }, query: { limit: 1_000 } } });
check(events.data?.data.ended === true && events.data.data.events.map(told)[0] === "BTCUSDT", "its events");

const result = await client.GET("/results/session/{id}", { params: { path: { id } } });
check(result.data !== undefined, "its result");
const { metrics, digest, no_trade_reason } = result.data.data;
check(metrics["net_profit"]?.unit === "quote" && digest.length === 64, "metrics and digest");
const trades = await client.GET("/results/session/{id}/trades", { params: { path: { id } } });
check(trades.data !== undefined && typeof trades.data !== "string", "its trades");
check(no_trade_reason === null && trades.data.data.trades.length > 0, "it trades");
const conditions = Object.values(trades.data.data.trades[0]?.why?.entry?.conditions ?? {});
check(conditions.every((one) => one.met === true), "what an entry rests on");
console.log(`the TypeScript client: session ${id}, ${trades.data.data.total_count} trades, digest ${digest.slice(0, 12)}`);
