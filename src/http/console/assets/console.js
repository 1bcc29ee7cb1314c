// The console: first admin or login, then strategies, recordings and sessions, updated by the WebSocket.

import { Refused, get, listen, newKey, post, postOnce, renewCsrf } from "./api.js";

const main = document.getElementById("main");
const link = document.getElementById("link");
const who = document.getElementById("who");
const logout = document.getElementById("logout");

/** An element with attributes and children; strings are inserted as text, never as HTML. */
function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value != null) node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child != null).map((child) => child instanceof Node ? child : String(child)));
  return node;
}

const number = (value, digits = 2) => value == null ? "—" : Number(value).toLocaleString("en", { maximumFractionDigits: digits });
const percent = (value) => value == null ? "—" : `${value > 0 ? "+" : ""}${number(value)} %`;
const moment = (value) => value == null ? "—" : value.slice(0, 19).replace("T", " ");

function table(columns, rows, empty) {
  if (!rows.length) return el("p", { class: "quiet" }, empty);
  const cell = (tag, column, content) => el(tag, { class: column.numeric ? "n" : null, scope: tag === "th" ? "col" : null }, content);
  return el("table", {},
    el("thead", {}, el("tr", {}, columns.map((column) => cell("th", column, column.name)))),
    el("tbody", {}, rows.map((row) => el("tr", {}, columns.map((column) => cell("td", column, column.of(row)))))));
}

function form(title, about, fields, action, submit) {
  const error = el("p", { class: "error", role: "alert" });
  const inputs = fields.map((field) => el("input", { name: field.name, type: field.type ?? "text", autocomplete: field.autocomplete, required: true }));
  const node = el("form", {
    onsubmit: async (event) => {
      event.preventDefault();
      error.textContent = "";
      try { await submit(Object.fromEntries(new FormData(node))); } catch (refused) { error.textContent = refused.message; }
    },
  }, fields.map((field, index) => el("label", {}, field.label, inputs[index])), el("button", {}, action), error);
  main.replaceChildren(el("section", {}, el("h2", {}, title), about ? el("p", { class: "quiet" }, about) : null, node));
  inputs[0].focus();
}

async function enter() {
  if ((await get("/api/v1/auth/setup")).needed) {
    form("Make the first admin", "The daemon printed a setup code when it started. It is good once.", [
      { name: "code", label: "Setup code" },
      { name: "username", label: "User name", autocomplete: "username" },
      { name: "password", label: "Password, at least 10 characters", type: "password", autocomplete: "new-password" },
    ], "Make admin", async (fields) => { await post("/api/v1/auth/setup", fields); await start(); });
    return;
  }
  form("Log in", null, [
    { name: "username", label: "User name", autocomplete: "username" },
    { name: "password", label: "Password", type: "password", autocomplete: "current-password" },
  ], "Log in", async (fields) => { await post("/api/v1/auth/login", fields); await start(); });
}

const parts = { strategies: el("section"), recordings: el("section"), sessions: el("section"), start: el("section") };
let sessions = new Map();

async function start() {
  let me;
  try {
    me = await get("/api/v1/auth/me");
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return enter();
    throw error;
  }
  await renewCsrf();
  who.textContent = `${me.username} (${me.role})`;
  logout.hidden = false;
  main.replaceChildren(parts.start, parts.sessions, parts.strategies, parts.recordings);
  const [strategies, recordings, known] = await Promise.all([get("/api/strategies"), get("/api/data-collection/sessions?limit=50"), get("/sessions?limit=50")]);
  showStrategies(strategies.strategies);
  showRecordings(recordings.sessions);
  showStart(strategies.strategies, recordings.sessions, me);
  sessions = new Map(known.sessions.map((session) => [session.session_id, session]));
  showSessions();
  listen(["sessions"], hear, (state) => { link.textContent = state; });
}

function hear(message) {
  const data = message.data ?? {};
  for (const session of data.sessions ?? []) sessions.set(session.session_id, session);
  if (message.type === "update" && data.session_id) refresh(data.session_id, data);
  showSessions();
}

/** Updates contain the progress; the final state is fetched. */
async function refresh(id, data) {
  const known = sessions.get(id);
  if (known && data.event === "session_progress") sessions.set(id, { ...known, ...data });
  else sessions.set(id, await get(`/sessions/${encodeURIComponent(id)}`).catch(() => known ?? data));
  showSessions();
}

function showStrategies(rows) {
  parts.strategies.replaceChildren(el("h2", {}, "Strategies"), table([
    { name: "Id", of: (row) => row.id },
    { name: "Description", of: (row) => row.description.length > 70 ? `${row.description.slice(0, 70)}…` : row.description },
    { name: "Direction", of: (row) => row.direction },
    { name: "Version", numeric: true, of: (row) => row.version },
    { name: "Trades", numeric: true, of: (row) => number(row.totalTrades, 0) },
    { name: "Win rate", numeric: true, of: (row) => row.winRate == null ? "—" : `${number(row.winRate, 1)} %` },
    { name: "Average profit", numeric: true, of: (row) => percent(row.avgProfit) },
  ], rows, "No strategies yet: POST /api/strategies keeps one."));
}

function showRecordings(rows) {
  parts.recordings.replaceChildren(el("h2", {}, "Recordings"), table([
    { name: "Id", of: (row) => row.session_id },
    { name: "Symbols", of: (row) => row.symbols.join(", ") },
    { name: "What", of: (row) => row.data_types.join(", ") },
    { name: "From (UTC)", of: (row) => moment(row.start_time) },
    { name: "Duration", of: (row) => row.duration },
    { name: "Records", numeric: true, of: (row) => number(row.records_collected, 0) },
    { name: "Gaps", numeric: true, of: (row) => number(row.gaps, 0) },
  ], rows, "No recordings yet: tradingd import FILE… brings some in."));
}

function showStart(strategies, all, me) {
  // Open recordings can be backtested too, but are rarely the one that is wanted.
  const recordings = [...all].sort((a, b) => (b.status === "completed") - (a.status === "completed"));
  if (!me.permissions.includes("run_backtest") || !recordings.length) return parts.start.replaceChildren(el("h2", {}, "Backtest"), el("p", { class: "quiet" }, recordings.length ? "Your role only reads." : "Import a recording first."));
  const error = el("p", { class: "error", role: "alert" });
  const notes = el("ul", { class: "notes", role: "status" });
  const button = el("button", {}, "Start backtest");
  // A key is used until its start has been answered, so a retry after a lost response starts nothing twice.
  let key = newKey();
  const select = (name, label, options) => el("label", {}, label, el("select", { name }, options.map(([value, text]) => el("option", { value }, text))));
  const node = el("form", {
    class: "row",
    onsubmit: async (event) => {
      event.preventDefault();
      if (button.disabled) return;
      button.disabled = true;
      error.textContent = "";
      notes.replaceChildren();
      const fields = Object.fromEntries(new FormData(node));
      try {
        const started = await postOnce("/sessions/start", {
          session_type: "backtest",
          strategy_config: { strategies: [fields.strategy] },
          config: { session_id: fields.recording, acceleration_factor: Number(fields.speed) },
        }, key);
        key = newKey();
        notes.replaceChildren(...(started.warnings ?? []).map((warning) => el("li", {}, warning)));
      } catch (refused) {
        // An error response is an answer too; without any the same key is sent again.
        if (refused instanceof Refused) key = newKey();
        error.textContent = refused.message;
      }
      button.disabled = false;
    },
  },
  select("strategy", "Strategy", strategies.map((row) => [row.id, row.strategy_name])),
  select("recording", "Recording", recordings.map((row) => [row.session_id, `${row.symbols.join(", ")} · ${row.duration}`])),
  select("speed", "Speed", [["0", "as fast as possible"], ["60", "60 ×"], ["10", "10 ×"], ["1", "real time"]]),
  button);
  parts.start.replaceChildren(el("h2", {}, "Backtest"), node, error, notes);
}

function showSessions() {
  const rows = [...sessions.values()].sort((a, b) => b.session_id.localeCompare(a.session_id)).slice(0, 50);
  const running = (row) => ["starting", "running", "stopping"].includes(row.status);
  parts.sessions.replaceChildren(el("h2", {}, "Sessions"), table([
    { name: "Id", of: (row) => row.session_id },
    { name: "Type", of: (row) => row.session_type },
    { name: "State", of: (row) => el("span", { class: row.status === "failed" ? "bad" : row.status === "completed" ? "good" : "" , title: row.error_message }, row.status) },
    { name: "Progress", of: (row) => running(row) ? el("progress", row.progress == null ? {} : { max: 100, value: row.progress }) : "" },
    { name: "Simulated (UTC)", of: (row) => moment(row.simulated_time) },
    { name: "Signals (S1)", numeric: true, of: (row) => number(row.counters?.signals, 0) },
    { name: "Trades", numeric: true, of: (row) => number(row.counters?.trades, 0) },
    { name: "", of: (row) => running(row)
      ? el("button", { class: "plain", onclick: () => post("/sessions/stop", { session_id: row.session_id }).catch((refused) => alertIn(refused.message)) }, "Stop")
      : row.result_id ? el("a", { href: `/results/session/${encodeURIComponent(row.session_id)}/report`, target: "_blank" }, "Report") : "" },
  ], rows, "No sessions yet."));
}

function alertIn(text) {
  parts.sessions.append(el("p", { class: "error", role: "alert" }, text));
}

logout.addEventListener("click", async () => {
  await post("/api/v1/auth/logout");
  location.reload();
});

start().catch((error) => main.replaceChildren(el("section", {}, el("p", { class: "error" }, error.message))));
