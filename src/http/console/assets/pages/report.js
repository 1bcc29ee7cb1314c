// The report of a result, in the order readers expect: worth, equity, months, chart, trades, breakdowns, settings.

import { html, useMemo, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { address, setQuery } from "../core/router.js";
import { conditionsOf, tradeOfResult } from "../core/trades.js";
import { INTERVALS, useCandles } from "../core/candles.js";
import { DASH, count, decimals, duration, moment, number, percent, price, share, short, shortId, strategyName } from "../core/format.js";
import { useKeys } from "../core/keys.js";
import { words } from "../core/words.js";
import { Badge, Copy, Empty, Loaded, Loading, ModeBadge, Panel, Pnl, PnlPercent, Segments, Tile, Tiles, Time, useAnswer } from "../parts/ui.js";
import { Table } from "../parts/table.js";
import { CandleChart, EquityChart } from "../parts/chart.js";
import { Why } from "../parts/conditions.js";
import { Notes } from "../parts/notes.js";
import { TradeConditions } from "../parts/trade_conditions.js";
import { HeatMap, Histogram, Scatter } from "../parts/plot.js";

const text = words.report;
/** @typedef {any} Row */

/** @param {{id: string, query: URLSearchParams}} props */
export default function Report({ id, query }) {
  const path = `/results/session/${encodeURIComponent(id)}`;
  const all = useAnswer(async () => {
    const [result, trades, equity] = await Promise.all([get(path), get(`${path}/trades`), get(`${path}/equity?max_points=4000`)]);
    return { result, trades: trades.trades, equity: equity.equity };
  }, [id]);
  return html`<${Loaded} of=${all} rows=${10}>${(/** @type {any} */ answer) => html`<div class="report stack"><${Shown} ...${answer} path=${path} query=${query} /></div>`}<//>`;
}

/** @param {any} props */
function Shown({ result, trades, equity, path, query }) {
  const chosen = query.get("trade");
  const choose = (/** @type {string|null} */ id) => setQuery({ trade: id });
  const step = (/** @type {number} */ by) => choose(String(Math.min(trades.length - 1, Math.max(0, (chosen == null ? -by : Number(chosen)) + by))));
  useKeys({ "[": () => step(-1), "]": () => step(1), Escape: () => choose(null) }, [chosen, trades.length]);
  return html`<${Head} result=${result} path=${path} />
    ${result.no_trade_reason && html`<div class="callout">${result.no_trade_reason}</div>`}
    <${Headline} result=${result} />
    <${Equity} result=${result} equity=${equity} />
    ${trades.length > 0 && html`<${Heat} result=${result} trades=${trades} />
      <${TradeChart} result=${result} trades=${trades} path=${path} chosen=${chosen} onChoose=${choose} query=${query} />
      <${Trades} trades=${trades} digits=${decimals(result.currency)} chosen=${chosen} onChoose=${choose} />
      <${Breakdowns} result=${result} />
      <${Excursions} trades=${trades} chosen=${chosen} onChoose=${choose} />`}
    <${Decisions} result=${result} />
    <${Settings} result=${result} />
    <${Notes} path=${path} />`;
}

/** @param {any} props */
function Head({ result, path }) {
  // A run of the command line has no session: no board, and nothing to start again.
  const session = result.session_id;
  return html`<div class="head"><div><div class="row wrap"><h1>${result.name || result.strategies.map((/** @type {any} */ one) => one.name).join(", ")}</h1><${ModeBadge} mode=${result.mode} />${result.stopped_early && html`<${Badge} kind="warn">${words.results.early}<//>`}</div>
      <p class="quiet small">${shortId(result.result_id)} · ${result.strategies.map(strategyName).join(", ")} · ${result.symbols.slice(0, 6).join(", ")}${result.symbols.length > 6 ? ` +${result.symbols.length - 6}` : ""} ·
        <${Time} value=${result.start} /> – <${Time} value=${result.end} what="time" /> · ${text.coverage} ${share(result.assumptions.coverage?.covered_pct)} · ${count(result.assumptions.coverage?.events)} ${text.events}</p>
      <p class="faint small" title=${result.digest}>${text.digest} ${result.digest.slice(0, 16)}…</p></div><span class="grow"></span>
    <div class="row wrap">${session && html`<a class="button" href=${address("/board/:id", { id: session })}>${text.board}</a>`}<a class="button" href=${address("/results", {}, { ids: result.result_id })}>${text.compare}</a>${session && html`<a class="button" href=${address("/start", {}, { like: session })}>${text.again}</a>`}</div>
    <div class="row wrap"><a class="button small" target="_blank" rel="noopener" href=${`${path}/report`}>${text.page}</a><a class="button small" href=${path} download=${`${result.result_id}.json`}>${text.json}</a>
      <a class="button small" href=${`${path}/trades?format=csv`} download=${`${result.result_id}.trades.csv`}>${text.tradesCsv}</a><a class="button small" href=${`${path}/equity?format=csv`} download=${`${result.result_id}.equity.csv`}>${text.equityCsv}</a><${Copy} text=${location.href} label=${text.link} /></div></div>
    ${(result.assumptions.warnings ?? []).length > 0 && html`<details class="callout info"><summary>${text.warnings} (${result.assumptions.warnings.length})</summary><ul class="stack tight">${result.assumptions.warnings.map((/** @type {string} */ one, /** @type {number} */ n) => html`<li key=${n}>${one}</li>`)}</ul></details>`}`;
}

/** @param {{result: any}} props */
function Headline({ result }) {
  const { metrics: m, currency } = result;
  const digits = decimals(currency);
  const money = (/** @type {number|null|undefined} */ amount) => number(amount, digits);
  const value = (/** @type {string} */ name) => m[name]?.value ?? null;
  const why = (/** @type {string} */ name, /** @type {any} */ shown) => value(name) == null ? html`<span class="faint" title=${m[name]?.reason}>${DASH}</span>` : shown;
  const interval = m.expectancy?.interval_95;
  return html`<${Tiles}>
    <${Tile} label=${`${text.tiles.net} ${currency ?? ""}`} value=${html`<${Pnl} value=${value("net_profit")} digits=${digits} />`} sub=${html`<${PnlPercent} value=${value("net_profit_pct")} />`} />
    <${Tile} label=${text.tiles.drawdown} value=${why("max_drawdown_pct", share(value("max_drawdown_pct"), 2))} sub=${`${money(value("max_drawdown"))}, ${duration(value("max_drawdown_seconds"))}`} />
    <${Tile} label=${text.tiles.factor} value=${why("profit_factor", number(value("profit_factor")))} sub=${m.profit_factor?.reason ?? ""} />
    <${Tile} label=${text.tiles.winRate} value=${why("win_rate", share(value("win_rate")))} sub=${text.of(value("wins"), value("trades"))} />
    <${Tile} label=${text.tiles.expectancy} value=${why("expectancy", html`<${Pnl} value=${value("expectancy")} digits=${digits} />`)} sub=${interval ? `${text.interval} ${interval.map(money).join(" … ")}` : value("expectancy_r") == null ? "" : `${short(value("expectancy_r"), 2)} R`} />
    <${Tile} label=${text.tiles.sharpe} value=${why("sharpe", number(value("sharpe")))} sub=${m.sharpe?.reason ?? ""} />
    <${Tile} label=${text.tiles.trades} value=${count(value("trades"))} sub=${`${text.columns.lasted} ${duration(value("duration_mean"))}`} />
    <${Tile} label=${text.tiles.exposure} value=${why("exposure_time_pct", share(value("exposure_time_pct")))} sub="" />
    <${Tile} label=${text.tiles.costs} value=${money((value("fees") ?? 0) + (value("slippage") ?? 0) - (value("funding") ?? 0))} sub=${text.costs(money(value("fees")), money(-(value("funding") ?? 0)), money(value("slippage")), (value("slippage") ?? 0) < 0)} /><//>`;
}

/** @param {any} props */
function Equity({ result, equity }) {
  const [isLog, setLog] = useState(false);
  const worst = useMemo(() => result.drawdowns.slice(0, 5), [result]);
  return html`<${Panel} title=${`${text.equity} ${result.currency ?? ""}`} flush actions=${html`<label class="check small"><input type="checkbox" checked=${isLog} onChange=${() => setLog(!isLog)} />${text.log}</label>`}>
      <${EquityChart} label=${text.equity} points=${equity} digits=${decimals(result.currency)} worst=${worst} log=${isLog} /><//>
    ${worst.length > 0 && html`<${Panel} title=${text.worst} flush><${Table} label=${text.worst} rows=${worst} keyOf=${(/** @type {Row} */ row) => row.start} columns=${[
      { name: text.depth, numeric: true, of: (/** @type {Row} */ row) => html`<span class="down">−${number(row.depth, decimals(result.currency))}</span> <span class="faint">${share(row.depth_pct, 2)}</span>` },
      { name: text.from, of: (/** @type {Row} */ row) => html`<${Time} value=${row.start} />` }, { name: text.trough, of: (/** @type {Row} */ row) => html`<${Time} value=${row.trough} />` },
      { name: text.recovery, of: (/** @type {Row} */ row) => row.recovery ? html`<${Time} value=${row.recovery} />` : html`<span class="faint">${text.open}</span>` }, { name: text.lasted, numeric: true, of: (/** @type {Row} */ row) => duration(row.seconds) },
    ]} /><//>`}`;
}

const LONG_RUN_DAYS = 45;

/** Months of a long run, days and hours of a short one. @param {any} props */
function Heat({ result, trades }) {
  const isLong = result.days.length > LONG_RUN_DAYS;
  const rows = useMemo(() => isLong ? byMonth(result.days) : byHour(trades), [result, trades]);
  const columns = isLong ? ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"] : Array.from({ length: 24 }, (_, n) => String(n).padStart(2, "0"));
  return html`<${Panel} title=${`${isLong ? text.months : text.hours} (${result.currency ?? ""}, UTC)`}><${HeatMap} rows=${rows} digits=${Math.min(4, decimals(result.currency))} columns=${columns} total=${text.total} label=${isLong ? text.months : text.hours} /><//>`;
}

const table = (/** @type {Map<string, (number|null)[]>} */ map) => [...map].sort(([a], [b]) => a.localeCompare(b)).map(([name, cells]) => ({ name, cells }));

function byMonth(/** @type {any[]} */ days) {
  const years = new Map();
  for (const { day, change } of days) {
    const year = day.slice(0, 4);
    if (!years.has(year)) years.set(year, Array(12).fill(null));
    years.get(year)[Number(day.slice(5, 7)) - 1] += change;
  }
  return table(years);
}

function byHour(/** @type {any[]} */ trades) {
  const days = new Map();
  for (const { exit_time: at, net } of trades) {
    if (!days.has(at.slice(0, 10))) days.set(at.slice(0, 10), Array(24).fill(null));
    days.get(at.slice(0, 10))[Number(at.slice(11, 13))] += net;
  }
  return table(days);
}

/** @param {any} props */
function TradeChart({ result, trades, path, chosen, onChoose, query }) {
  const trade = chosen == null ? null : trades[Number(chosen)];
  const symbol = trade?.symbol ?? query.get("symbol") ?? trades[0].symbol;
  const [from, to] = [Date.parse(result.start), Date.parse(result.end)];
  const fits = Object.keys(INTERVALS).find((one) => (to - from) / 1000 / INTERVALS[one] <= 4000) ?? "4h";
  const interval = trade ? "1s" : fits;
  const [left, right] = trade ? [Date.parse(trade.entry_time) - 60_000, Date.parse(trade.exit_time) + 60_000] : [null, null];
  const { candles, gaps, error, isLoading } = useCandles({ recording: result.source, symbol, interval, from: left, to: right });
  const signals = useAnswer(() => get(`${path}/signals`).then((answer) => answer.signals), [path]);
  const orders = useAnswer(() => get(`${path}/orders?limit=5000`).then((answer) => answer.orders), [path]);
  const marks = useMemo(() => marksOf(trades, symbol, signals.answer ?? [], orders.answer ?? []), [trades, symbol, signals.answer, orders.answer]);
  const lines = useMemo(() => trade ? [{ kind: "entry", price: trade.entry_price, title: words.board.entry }, { kind: trade.net >= 0 ? "target" : "stop", price: trade.exit_price, title: words.reasons[trade.reason] ?? trade.reason }] : [], [trade]);
  const click = (/** @type {string} */ id) => { if (id.startsWith("t")) onChoose(id.slice(1).split("·")[0]); };
  return html`<${Panel} title=${`${text.chart}: ${symbol}`} flush actions=${html`${result.symbols.length > 1 && html`<${Segments} label=${text.columns.symbol} value=${symbol} options=${result.symbols.slice(0, 8).map((/** @type {string} */ one) => [one, one])} onChange=${(/** @type {string} */ value) => setQuery({ symbol: value, trade: null })} />`}`}>
    ${error ? html`<${Empty} title=${text.noChart[0]}>${text.noChart[1]} (${error.message})<//>` : isLoading ? html`<${Loading} rows=${8} />` : html`<${CandleChart} label=${text.chart} candles=${candles} gaps=${gaps} marks=${marks} lines=${lines} chosen=${trade ? `t${chosen}·in` : null} onMark=${click} centre=${trade ? { from: left, to: right, key: chosen } : { from, to, key: `all ${symbol}` }} />`}
    ${trade && html`<div class="padded"><${Why} trade=${tradeOfResult(trade, Number(chosen))} conditionsOf=${conditionsOf} />
      <${TradeConditions} path=${path} number=${Number(chosen) + 1} /></div>`}<//>`;
}

const MARKS = 2000;

/** Signals, partial entries and exits of one symbol; of very many only the exits, and then the first of them. @param {any[]} trades @param {string} symbol @param {any[]} signals @param {any[]} orders */
function marksOf(trades, symbol, signals, orders) {
  /** @type {import("../parts/chart.js").Mark[]} */
  const exits = [];
  /** @type {import("../parts/chart.js").Mark[]} */
  const others = [];
  const fills = new Map();
  for (const order of orders) {
    if (order.symbol !== symbol) continue;
    const own = fills.get(order.strategy_id) ?? [];
    own.push(...order.fills.map((/** @type {any} */ fill) => ({ at: fill.timestamp, purpose: order.purpose })));
    fills.set(order.strategy_id, own);
  }
  for (const own of fills.values()) own.sort((/** @type {any} */ a, /** @type {any} */ b) => a.at < b.at ? -1 : 1);
  trades.forEach((trade, n) => {
    if (trade.symbol !== symbol || exits.length >= MARKS) return;
    exits.push({ id: `t${n}·out`, time: Date.parse(trade.exit_time), what: trade.net >= 0 ? "gain" : "loss", text: trade.reason });
    others.push({ id: `t${n}·in`, time: Date.parse(trade.entry_time), what: trade.side === "short" ? "short entry" : "entry", text: `#${n + 1}` });
    for (const fill of between(fills.get(trade.strategy) ?? [], trade.entry_time, trade.exit_time)) others.push({ id: `t${n}·${fill.at}`, time: Date.parse(fill.at), what: fill.purpose === "entry" ? "entry" : "exit", text: "" });
  });
  signals.forEach((one, n) => { if (one.symbol === symbol) others.push({ id: `s${n}`, time: Date.parse(one.time), what: one.section, text: one.section }); });
  return exits.length + others.length > MARKS ? exits : [...exits, ...others];
}

/** Fills after `from` and before `to`, of a list in the order of time. @param {any[]} list @param {string} from @param {string} to */
function between(list, from, to) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle].at <= from) low = middle + 1; else high = middle;
  }
  const found = [];
  for (let n = low; n < list.length && list[n].at < to; n += 1) found.push(list[n]);
  return found;
}

/** @param {any} props */
function Trades({ trades, digits, chosen, onChoose }) {
  const columns = useMemo(() => tradeColumns(digits), [digits]);
  const rows = useMemo(() => trades.map((/** @type {any} */ trade, /** @type {number} */ n) => ({ ...trade, n })), [trades]);
  const [symbol, setSymbol] = useState("");
  const symbols = useMemo(() => [...new Set(trades.map((/** @type {any} */ one) => one.symbol))], [trades]);
  return html`<${Panel} title=${text.tradesTitle} count=${trades.length} flush actions=${html`<span class="small faint">${text.best}</span><label><span class="hidden-label">${text.columns.symbol}</span><select class="input" value=${symbol} onChange=${(/** @type {any} */ event) => setSymbol(event.target.value)}>
      <option value="">${text.allSymbols}</option>${symbols.map((one) => html`<option key=${one}>${one}</option>`)}</select></label>`}>
    <div class="scroll trades" tabindex="0" aria-label=${text.tradesTitle}><${Table} label=${text.tradesTitle} most=${300} rows=${symbol ? rows.filter((/** @type {Row} */ row) => row.symbol === symbol) : rows} keyOf=${(/** @type {Row} */ row) => String(row.n)} marked=${chosen} columns=${columns} onOpen=${(/** @type {Row} */ row) => onChoose(chosen === String(row.n) ? null : String(row.n))} /></div><//>`;
}

const field = (/** @type {string} */ name, /** @type {any} */ of, numeric = true) => ({ name: /** @type {any} */ (text.columns)[name], numeric, of, sort: (/** @type {Row} */ row) => row[SORTED[name] ?? name] });
const SORTED = /** @type {Record<string, string>} */ ({ entry: "entry_time", exit: "exit_time", entryPrice: "entry_price", exitPrice: "exit_price", pct: "net_pct", lasted: "duration_seconds", mae: "mae_pct", mfe: "mfe_pct" });
/** @param {number} digits decimals of amounts */
const tradeColumns = (digits) => [
  field("n", (/** @type {Row} */ row) => row.n + 1), { ...field("symbol", (/** @type {Row} */ row) => html`<strong>${row.symbol}</strong>`, false), class: "breaks" }, field("side", (/** @type {Row} */ row) => row.side === "long" ? "▲ long" : "▼ short", false),
  { ...field("entry", (/** @type {Row} */ row) => html`<${Time} value=${row.entry_time} />`, false), class: "folds" }, field("exit", (/** @type {Row} */ row) => html`<${Time} value=${row.exit_time} what="time" />`, false),
  field("entryPrice", (/** @type {Row} */ row) => price(row.entry_price)), field("exitPrice", (/** @type {Row} */ row) => price(row.exit_price)), field("quantity", (/** @type {Row} */ row) => short(row.quantity, 6)),
  field("fees", (/** @type {Row} */ row) => number(row.fees, digits)), field("slippage", (/** @type {Row} */ row) => number(row.slippage, digits)), field("net", (/** @type {Row} */ row) => html`<${Pnl} value=${row.net} digits=${digits} />`), field("pct", (/** @type {Row} */ row) => html`<${PnlPercent} value=${row.net_pct} />`),
  field("reason", (/** @type {Row} */ row) => html`<${Badge} kind=${row.net >= 0 ? "good" : "bad"}>${words.reasons[row.reason] ?? row.reason}<//>`, false),
  field("lasted", (/** @type {Row} */ row) => duration(row.duration_seconds)), field("mae", (/** @type {Row} */ row) => number(row.mae_pct)), field("mfe", (/** @type {Row} */ row) => number(row.mfe_pct)),
];

/** @param {{result: any}} props */
function Breakdowns({ result }) {
  const digits = decimals(result.currency);
  const part = (/** @type {string} */ title, /** @type {Record<string, any>} */ groups) => {
    const rows = Object.entries(groups ?? {}).map(([name, told]) => ({ name, ...told }));
    return html`<${Panel} title=${title} flush><${Table} label=${title} keyOf=${(/** @type {Row} */ row) => row.name} rows=${rows} columns=${[
      { name: text.group, of: (/** @type {Row} */ row) => words.reasons[row.name] ?? row.name, sort: (/** @type {Row} */ row) => row.name }, { name: text.tiles.trades, numeric: true, of: (/** @type {Row} */ row) => count(row.trades), sort: (/** @type {Row} */ row) => row.trades },
      { name: text.tiles.winRate, numeric: true, of: (/** @type {Row} */ row) => share(row.win_rate_pct) }, { name: text.gross, numeric: true, of: (/** @type {Row} */ row) => html`<${Pnl} value=${row.gross} digits=${digits} />` },
      { name: text.columns.fees, numeric: true, of: (/** @type {Row} */ row) => number(row.fees, digits) }, { name: text.columns.net, numeric: true, of: (/** @type {Row} */ row) => html`<${Pnl} value=${row.net} digits=${digits} />`, sort: (/** @type {Row} */ row) => row.net },
    ]} /><//>`;
  };
  return html`<div class="halves">${part(text.bySymbol, result.by_symbol)}${part(text.byReason, result.by_reason)}${part(text.bySide, result.by_side)}${part(text.byStrategy, result.by_strategy)}</div>`;
}

/** @param {any} props */
function Excursions({ trades, chosen, onChoose }) {
  const dots = useMemo(() => trades.map((/** @type {any} */ one, /** @type {number} */ n) => ({ id: String(n), x: -one.mae_pct, y: one.mfe_pct, isGood: one.net >= 0, title: `#${n + 1} ${one.symbol} ${percent(one.net_pct)}` })).filter((/** @type {any} */ dot) => Number.isFinite(dot.x) && Number.isFinite(dot.y)), [trades]);
  return html`<div class="halves">${dots.length > 0 && html`<${Panel} title=${text.scatter}><p class="small quiet">${text.scatterAbout}</p><${Scatter} dots=${dots} chosen=${chosen} onChoose=${onChoose} xName="MAE %" yName="MFE %" label=${text.scatter} />
      <p class="row wide small quiet"><span class="key"><i class="fill-up"></i>${text.profit}</span><span class="key"><i class="fill-down"></i>${text.loss}</span></p><//>`}
    <${Panel} title=${text.histogram}><${Histogram} values=${trades.map((/** @type {any} */ one) => one.net_pct)} xName="%" yName=${text.tiles.trades} label=${text.histogram} /><//></div>`;
}

/** How often sections fired and entries were refused. @param {{result: any}} props */
function Decisions({ result }) {
  return html`<div class="halves"><${Panel} title=${text.sections}><dl class="pairs">${Object.entries(result.sections_fired).map(([name, many]) => html`<dt key=${name}>${words.sections[name] ?? name}</dt><dd>${count(/** @type {number} */ (many))}</dd>`)}</dl><//>
    ${result.refusals.length > 0 && html`<${Panel} title=${text.refusals} flush><${Table} label=${text.refusals} rows=${result.refusals} keyOf=${(/** @type {Row} */ row) => JSON.stringify(row)} columns=${[{ name: text.guard, of: (/** @type {Row} */ row) => words.guards[row.guard] ?? row.guard ?? row.reason }, { name: text.times, numeric: true, of: (/** @type {Row} */ row) => count(row.count ?? row.times) }]} /><//>`}</div>`;
}

const TIME = /^\d{4}-\d\d-\d\dT/;

/** Nested facts as lines `a · b: value`. @param {any} value @param {string} name @returns {[string, string][]} */
function flat(value, name = "") {
  if (value == null || typeof value !== "object") return [[name, value == null ? DASH : typeof value === "number" ? short(value, 8) : TIME.test(value) ? moment(value) : String(value)]];
  if (Array.isArray(value)) return value.length ? [[name, value.map((one) => typeof one === "object" ? JSON.stringify(one) : one).join(", ")]] : [];
  return Object.entries(value).flatMap(([key, inner]) => flat(inner, name ? `${name} · ${key}` : key));
}

/** @param {{result: any}} props */
function Settings({ result }) {
  const { warnings: _, ...assumptions } = result.assumptions;
  const metrics = Object.entries(result.metrics).map(([name, told]) => ({ name, .../** @type {any} */ (told) }));
  return html`<div class="halves"><${Panel} title=${text.settings}><dl class="pairs scroll" tabindex="0">${[...flat(result.settings), ...flat(assumptions)].map(([name, value]) => html`<dt key=${name}>${name.replaceAll("_", " ")}</dt><dd>${value}</dd>`)}</dl><//>
    <${Panel} title=${text.allMetrics} count=${metrics.length} flush><div class="scroll" tabindex="0" aria-label=${text.allMetrics}><${Table} label=${text.allMetrics} rows=${metrics} keyOf=${(/** @type {Row} */ row) => row.name} columns=${[
      { name: text.metric, of: (/** @type {Row} */ row) => row.name.replaceAll("_", " "), sort: (/** @type {Row} */ row) => row.name }, { name: text.value, numeric: true, of: (/** @type {Row} */ row) => row.value == null ? html`<span class="faint">${DASH}</span>` : html`${row.unit === "quote" ? number(row.value, decimals(result.currency)) : short(row.value, 4)} <span class="faint">${row.unit === "quote" ? result.currency ?? "" : row.unit}</span>` },
      { name: text.meaning, wrap: true, of: (/** @type {Row} */ row) => html`<span class="small quiet">${row.reason ?? result.definitions[row.definition] ?? row.definition}</span>` },
    ]} /></div><//></div>
    ${result.gaps.length > 0 && html`<${Panel} title=${text.gapsTitle} count=${result.gaps.length}><p class="small quiet">${result.gaps.slice(0, 50).map((/** @type {any} */ gap) => `${gap.symbol ?? ""} ${moment(gap.from)} ${gap.cause}`).join(" · ")}</p><//>`}`;
}

