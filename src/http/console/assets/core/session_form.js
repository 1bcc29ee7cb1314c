// The session page's form: what it holds, the request it makes, what speaks against starting it.

import { decimals, number } from "./format.js";
import { words } from "./words.js";

const text = words.startPage;

/**
 * @typedef {{type: "backtest"|"paper"|"live"|"collect", strategies: string[], symbols: string[], recording: string, from: string, to: string,
 *   cap: string, allocations: Record<string, string>, balance: string, position: string, stop: string, take: string, risk: string,
 *   maker: string, taker: string, slippage: string, latency: string, seed: string, speed: string, dataTypes: string[], duration: string,
 *   name: string, confirm: string}} SessionForm fields are as typed
 * @typedef {{kind: "error"|"warning"|"good", text: string, field: string|null}} Check
 */

/** @returns {SessionForm} */
export const emptyForm = () => ({
  type: "backtest", strategies: [], symbols: [], recording: "", from: "", to: "", cap: "1000", allocations: {}, balance: "", position: "",
  stop: "5", take: "10", risk: "default", maker: "", taker: "", slippage: "", latency: "", seed: "", speed: "0",
  dataTypes: ["tick_prices", "orderbook"], duration: "continuous", name: "", confirm: "",
});

/** @param {string} typed @returns {number|null} null when nothing or no number was typed */
export function numberOf(typed) {
  const plain = String(typed ?? "").trim().replace(/[\s_']/g, "").replace(",", ".");
  const value = Number(plain);
  return plain === "" || !Number.isFinite(value) ? null : value;
}

/** The currency of the session's amounts; null when its symbols have none in common. @param {SessionForm} form @param {any} recording @returns {string|null} */
export function currencyOf(form, recording) {
  if (form.type === "backtest") return recording?.currency ?? null;
  const all = new Set(form.symbols.map((symbol) => symbol.includes("_") ? symbol.split("_").pop() ?? null : null));
  return all.size === 1 ? [...all][0] : null;
}

/**
 * What has to be chosen before it can be said what will happen.
 * @param {SessionForm} form @returns {("strategies"|"recording"|"symbols")[]}
 */
export const missingOf = (form) => [
  ...(form.type !== "collect" && !form.strategies.length ? [/** @type {const} */ ("strategies")] : []),
  ...(form.type === "backtest" ? form.recording ? [] : [/** @type {const} */ ("recording")] : form.symbols.length ? [] : [/** @type {const} */ ("symbols")]),
];

/** An amount with its currency, if that is known. @param {number} value @param {string|null} currency */
export const amount = (value, currency) => `${value.toFixed(decimals(currency))}${currency == null ? "" : ` ${currency}`}`;

/** An allocation as typed: money, or percent of the cap. @param {string} typed @param {number} cap */
function money(typed, cap) {
  const share = String(typed ?? "").trim().match(/^(.*)%$/);
  const value = numberOf(share ? share[1] : typed);
  return value == null ? null : share ? cap * value / 100 : value;
}

/** What each strategy gets of the cap. @param {SessionForm} form */
export function allocate(form) {
  const cap = numberOf(form.cap) ?? 0;
  return form.strategies.map((id) => ({ id, money: money(form.allocations[id], cap) }));
}

/** The body of `POST /sessions/start`: only what was filled in. @param {SessionForm} form */
export function requestOf(form) {
  const isCollect = form.type === "collect";
  const config = /** @type {any} */ ({});
  const put = (/** @type {string} */ name, /** @type {string} */ typed) => { const value = numberOf(typed); if (value != null) config[name] = value; };
  if (!isCollect) {
    const cap = numberOf(form.cap);
    if (cap != null) {
      const typed = Object.entries(form.allocations).filter(([id, value]) => form.strategies.includes(id) && value.trim() !== "");
      config.budget = { global_cap: cap, allocations: Object.fromEntries(typed.map(([id, value]) => [id, value.trim().endsWith("%") ? value.trim() : numberOf(value) ?? value])) };
    }
    put("stop_loss_percent", form.stop);
    put("take_profit_percent", form.take);
    put("max_position_size", form.position);
    put("initial_balance", form.balance);
    if (form.risk !== "default") config.risk = form.risk;
  }
  if (form.type === "backtest" || form.type === "paper") {
    const [maker, taker] = [numberOf(form.maker), numberOf(form.taker)];
    if (maker != null || taker != null) config.fees = { ...(maker != null && { maker_pct: maker }), ...(taker != null && { taker_pct: taker }) };
    put("slippage", form.slippage);
    put("latency_ms", form.latency);
    put("seed", form.seed);
  }
  if (form.type === "backtest") {
    config.session_id = form.recording;
    config.acceleration_factor = Number(form.speed);
    if (form.from) config.from = form.from;
    if (form.to) config.to = form.to;
  }
  if (form.type === "live") Object.assign(config, { session_name: form.name, confirm_live: form.confirm });
  if (isCollect) Object.assign(config, { data_types: form.dataTypes, duration: form.duration });
  return {
    session_type: form.type,
    ...(form.symbols.length && { symbols: form.symbols }),
    ...(!isCollect && { strategy_config: { strategies: form.strategies } }),
    config,
    idempotent: true,
  };
}

/** The form of a session that was started, from its request as it was understood. @param {any} request @returns {SessionForm} */
export function formOf(request) {
  const sent = request?.as_sent ?? request ?? {};
  const config = sent.config ?? {};
  const settings = request?.settings ?? {};
  const word = (/** @type {any} */ value) => value == null ? "" : String(value);
  const strategies = sent.strategy_config?.strategies ?? (request?.strategies ?? []).map((/** @type {any} */ one) => one.id);
  return {
    ...emptyForm(), type: request?.session_type ?? "backtest", strategies, symbols: sent.symbols ?? request?.symbols ?? [],
    recording: word(config.session_id ?? request?.session_id), cap: word(config.budget?.global_cap ?? settings.budget_cap),
    allocations: Object.fromEntries(Object.entries(config.budget?.allocations ?? {}).map(([id, value]) => [id, word(value)])),
    stop: word(config.stop_loss_percent ?? settings.stop_loss_pct), take: word(config.take_profit_percent ?? settings.take_profit_pct),
    position: word(config.max_position_size), balance: word(config.initial_balance), risk: word(config.risk) || "default",
    maker: word(config.fees?.maker_pct), taker: word(config.fees?.taker_pct), slippage: word(config.slippage), latency: word(config.latency_ms), seed: word(config.seed),
    speed: word(config.acceleration_factor ?? request?.acceleration_factor ?? 0), from: word(config.from), to: word(config.to),
    dataTypes: config.data_types ?? emptyForm().dataTypes, duration: word(config.duration) || "continuous", name: word(config.session_name),
  };
}

/**
 * What speaks against starting, and what does not.
 * @param {SessionForm} form
 * @param {{me: any, recording: any, strategies: any[]|undefined, health: any, known: {names: Set<string>, source: string}|null}} of
 * @returns {Check[]}
 */
export function problemsOf(form, { me, recording, strategies, health, known }) {
  /** @type {Check[]} */
  const all = [];
  const say = text.checks;
  const error = (/** @type {string} */ what, /** @type {string|null} */ field = null) => all.push({ kind: "error", text: what, field });
  const warn = (/** @type {string} */ what, /** @type {string|null} */ field = null) => all.push({ kind: "warning", text: what, field });
  const isMarket = form.type !== "backtest";
  if (me && !me.permissions.includes(`run_${form.type}`)) error(say.role(me.role, form.type), "session_type");
  if (form.type !== "collect" && !form.strategies.length) error(say.noStrategy, "strategies");
  for (const one of strategies ?? []) {
    if (form.strategies.includes(one.id) && !one.enabled) warn(say.disabled(one.strategy_name), "strategies");
    if (form.type === "live" && form.strategies.includes(one.id) && one.totalTrades == null) warn(say.untested(one.strategy_name), "strategies");
  }
  if (form.type === "backtest") {
    if (!form.recording) error(say.noRecording, "session_id");
    if (recording?.gaps > 0) warn(say.gaps(recording.gaps, recording.coverage_pct), "session_id");
    if (recording?.status === "recording") warn(say.stillRecording, "session_id");
    const missing = form.symbols.filter((one) => recording && !recording.symbols.some((/** @type {string} */ known) => plain(known) === plain(one)));
    if (missing.length) error(say.notRecorded(missing.join(", ")), "symbols");
    if (form.from && form.to && form.from >= form.to) error(say.span, "from");
  } else {
    if (!form.symbols.length) error(say.noSymbol, "symbols");
    const unknown = known ? form.symbols.filter((one) => !known.names.has(one)) : [];
    if (unknown.length && known?.source === "exchange") error(say.unknownSymbols(unknown.join(", ")), "symbols");
    if (isMarket && health?.exchange?.status && health.exchange.status !== "ok") warn(health.exchange.status === "disabled" ? say.exchangeOff : say.exchange(health.exchange.reason ?? health.exchange.status));
    if (Math.abs(health?.clock?.offset_ms ?? 0) > 500) warn(say.clock(number(health.clock.offset_ms, 0)));
  }
  if (form.type === "collect") { if (!form.dataTypes.length) error(say.noData, "data_types"); } else moneyProblems(form, currencyOf(form, recording), error, warn);
  if (form.type === "live" && (!form.name || form.name !== form.confirm)) error(say.confirm, "confirm_live");
  if (!all.some((one) => one.kind === "error")) all.unshift({ kind: "good", text: say.good, field: null });
  return all;
}

const plain = (/** @type {string} */ symbol) => symbol.replace("_", "");

/** @param {SessionForm} form @param {string|null} currency @param {(what: string, field?: string) => void} error @param {(what: string, field?: string) => void} warn */
function moneyProblems(form, currency, error, warn) {
  const say = text.checks;
  const fields = /** @type {[keyof SessionForm, string][]} */ ([["cap", "global_cap"], ["balance", "initial_balance"], ["position", "max_position_size"], ["stop", "stop_loss_percent"], ["take", "take_profit_percent"], ["maker", "maker_pct"], ["taker", "taker_pct"], ["slippage", "slippage"], ["latency", "latency_ms"], ["seed", "seed"]]);
  for (const [name, field] of fields) {
    const typed = String(form[name]).trim();
    if (typed && numberOf(typed) == null) error(say.noNumber(text.fields[field] ?? field, typed), field);
    if (["cap", "balance", "position", "stop", "take"].includes(name) && typed && (numberOf(typed) ?? 1) <= 0) error(say.positive(text.fields[field] ?? field), field);
  }
  const cap = numberOf(form.cap);
  const used = allocate(form).reduce((sum, one) => sum + (one.money ?? 0), 0);
  if (cap != null && used > cap + 1e-9) error(say.overCap(amount(used, currency), amount(cap, currency)), "allocations");
  for (const one of allocate(form)) if (form.allocations[one.id]?.trim() && one.money == null) error(say.noNumber(one.id, form.allocations[one.id]), "allocations");
  const balance = numberOf(form.balance) ?? 10000;
  if (form.type !== "live" && cap != null && cap > balance) warn(say.capOverBalance, "global_cap");
  if (numberOf(form.stop) == null) warn(say.noStop, "stop_loss_percent");
  if (form.risk === "none") warn(say.noLimits, "risk");
}
