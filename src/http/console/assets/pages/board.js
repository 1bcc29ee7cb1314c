// The board of a session: what it does, what it waits for, what it did and why.

import { html, still, useCallback, useEffect, useMemo, useRef, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { focusOf, isRunning, mayRun, useSession } from "../core/live.js";
import { address, setQuery } from "../core/router.js";
import { useStore } from "../core/store.js";
import { conditionsOf, readTrades } from "../core/trades.js";
import { INTERVALS, useCandles } from "../core/candles.js";
import { DASH, count, duration, moment, number, price, share, short, shortId, strategyName } from "../core/format.js";
import { useKeys } from "../core/keys.js";
import { words } from "../core/words.js";
import { Badge, Button, Empty, Failed, Loading, ModeBadge, PageHead, Panel, Pnl, PnlPercent, Segments, StatusBadge, Tile, Tiles, Time, useTick } from "../parts/ui.js";
import { Table } from "../parts/table.js";
import { CandleChart, EquityChart } from "../parts/chart.js";
import { Why } from "../parts/conditions.js";
import { DecisionLog } from "../parts/log.js";
import { Instances, Orders, Positions } from "../parts/session_now.js";
import { Controls } from "../parts/controls.js";
import { StopSession } from "./sessions.js";

const text = words.board;

/** @param {{id?: string, query: URLSearchParams}} props */
export default function Board({ id, query }) {
  const focus = useStore(focusOf);
  const shown = id ?? focus?.session_id;
  const session = useSession(shown);
  const [tried, setTried] = useState(false);
  useEffect(() => { const timer = setTimeout(() => setTried(true), 1500); return () => clearTimeout(timer); }, [shown]);
  if (!shown) {
    return tried ? html`<${PageHead} title=${text.title} /><${Empty} title=${text.none[0]} action=${html`<a class="button primary" href=${address("/start")}>${text.start}</a>`}>${text.none[1]}<//>` : html`<${Loading} rows=${6} />`;
  }
  if (!session) return tried ? html`<${Failed} error=${{ message: text.unknown(shown) }} />` : html`<${Loading} rows=${6} />`;
  return html`<${Shown} key=${shown} session=${session} query=${query} />`;
}

/** @param {{session: import("../core/types.js").Session, query: URLSearchParams}} props */
function Shown({ session, query }) {
  const id = session.session_id;
  const now = useStore((state) => state.now[id]);
  const log = useStore((state) => state.events[id]);
  const events = log?.list ?? NONE;
  const read = useMemo(() => readTrades(events), [events]);
  const [chosen, choose] = useState(/** @type {any} */ (null));
  const running = isRunning(session);
  const first = useRef("");
  first.current ||= log ? busiest(session, now, read.trades) : "";
  const symbol = query.get("symbol") ?? (first.current || session.symbols[0]);
  const many = query.get("charts") === "4";
  const interval = INTERVALS[query.get("interval") ?? ""] ? /** @type {string} */ (query.get("interval")) : "1s";
  const charts = many ? [symbol, ...session.symbols.filter((one) => one !== symbol)].slice(0, CHARTS) : [symbol];
  const pick = (/** @type {string} */ name) => setQuery({ symbol: name });
  const show = useCallback((/** @type {any} */ one) => {
    if (one?.symbol && session.symbols.includes(one.symbol)) setQuery({ symbol: one.symbol });
    choose(one);
  }, [id]);
  const trades = useMemo(() => [...read.trades].reverse(), [read]);
  const stepTrade = (/** @type {number} */ by) => {
    const at = trades.findIndex((trade) => trade.id === chosen?.id);
    const next = trades[at === -1 ? 0 : at + by];
    if (next) show(next);
  };
  useKeys({ "[": () => stepTrade(1), "]": () => stepTrade(-1), Escape: () => choose(null) }, [trades, chosen]);
  const isTrading = session.session_type !== "collect";
  return html`<${Head} session=${session} />
    ${session.error_message && html`<div class="callout bad" role="alert">${session.error_message}</div>`}
    <${Unread} list=${running ? now?.unread ?? NONE : afterTheEnd(now?.unread)} />
    <${Progress} session=${session} now=${now} />
    ${isTrading && html`<${Account} session=${session} now=${now} />`}
    <${WatchStrip} session=${session} now=${now} symbol=${symbol} onPick=${pick} />
    <div class="board">
      <div class="stack">
        <div class="first stack tight"><div class="row wrap"><span class="grow"></span>
          ${session.symbols.length > 1 && html`<${Segments} label=${text.howMany} value=${many ? "4" : ""} options=${text.charts} onChange=${(/** @type {string} */ value) => setQuery({ charts: value })} />`}
          <${Segments} label=${words.chart.interval} value=${interval} options=${Object.keys(INTERVALS).slice(0, 6).map((one) => [one, one])} onChange=${(/** @type {string} */ value) => setQuery({ interval: value })} /></div>
          <div class=${many ? "charts" : ""}>${charts.map((one) => html`<${Chart} key=${one} session=${session} symbol=${one} read=${read} now=${now} chosen=${chosen} onChoose=${show} interval=${interval} isAlone=${!many} />`)}</div></div>
        ${isTrading && html`<${Trades} trades=${trades} chosen=${chosen} onChoose=${show} isRunning=${running} />`}
        <${DecisionLog} events=${events} isWhole=${log?.isWhole ?? true} chosen=${chosen?.seq ?? null} onChoose=${show} />
      </div>
      ${isTrading && html`<div class="stack">
        ${running && html`<${Positions} session=${session} now=${now} /><${Instances} now=${now} symbol=${symbol} onPick=${pick} />`}
        <${Equity} id=${id} isRunning=${running} />
        ${running && html`<${Orders} now=${now} />`}
        <${Limits} account=${now?.account} />
      </div>`}
    </div>`;
}

/**
 * Of an ended session only the account is read: what else could not be read before the end does not matter.
 * @param {any[]|undefined} unread
 */
const afterTheEnd = (unread) => unread?.filter((one) => one.part === "account") ?? NONE;

const CHARTS = 4;
/** @type {any[]} */
const NONE = [];

/** The symbol to look at first: where something is open, else where something happened last. */
function busiest(/** @type {any} */ session, /** @type {any} */ now, /** @type {any[]} */ trades) {
  return trades[trades.length - 1]?.symbol ?? now?.positions?.positions?.[0]?.symbol ?? session.symbols[0];
}

/** @param {{session: import("../core/types.js").Session}} props */
function Head({ session }) {
  const [isStopping, stop] = useState(false);
  const me = useStore((state) => state.me);
  useTick(1000);
  const lasted = (Date.parse(session.ended_at ?? new Date().toISOString()) - Date.parse(session.created_at)) / 1000;
  return html`<div class="head">
    <div><div class="row"><h1>${shortId(session.session_id)}</h1><${ModeBadge} mode=${session.session_type} /><${StatusBadge} status=${session.status} /></div>
      <p class="quiet small">${session.strategies.map(strategyName).join(", ") || text.noStrategy} · ${session.symbols.length} ${text.symbols(session.symbols.length)} ·${" "}
        ${text.startedBy} ${session.user} <${Time} value=${session.created_at} /> · ${duration(lasted)}</p></div>
    <span class="grow"></span>
    <div class="row wrap">
    ${session.result_id && html`<a class="button" href=${address("/results/:id", { id: session.result_id })}>${text.report}</a>`}
    ${session.request && html`<a class="button" href=${address("/start", {}, { like: session.session_id })}>${text.again}</a>`}
    <${Controls} session=${session} />
    ${isRunning(session) && mayRun(me, session) && html`<${Button} kind="danger" onClick=${() => stop(true)}>${text.stop}<//>`}</div>
    ${isStopping && html`<${StopSession} session=${session} onClose=${() => stop(false)} />`}</div>`;
}

/** Parts that the daemon did not give when last asked: what is shown of them is older than the rest. @param {{list: any[]}} props */
function Unread({ list }) {
  const parts = /** @type {Record<string, string>} */ (text.parts);
  return list.length > 0 && html`<div class="callout bad" role="status">${list.map((one) => html`<p key=${one.part}>${text.unread(parts[one.part], one.message)} ${one.since && html`${text.unreadSince} <${Time} value=${one.since} />`}</p>`)}</div>`;
}

/** @param {{session: any, now: any}} props */
function Progress({ session, now }) {
  if (!isRunning(session) || session.progress == null) return null;
  return html`<section class="panel padded stack tight" aria-label=${text.progress}>
    <div class="row wide"><strong>${share(session.progress)}</strong><span class="quiet">${text.simulated} <${Time} value=${session.simulated_time} /></span><span class="grow"></span>
      <span class="quiet">${count(session.events_per_second)} ${text.perSecond}</span><span class="quiet">${text.eta} ${duration(session.eta_seconds)}</span></div>
    <progress class="bar" max="100" value=${session.progress} aria-label=${text.progress}></progress>
    <p class="small faint">${text.goesOn}</p></section>`;
}

/** @param {{session: any, now: any}} props */
function Account({ session, now }) {
  const account = now?.account;
  if (!account) return isRunning(session) ? html`<${Loading} rows=${1} />` : null;
  const unit = account.currency ?? "";
  const counters = session.counters ?? {};
  const isOld = account.stale_reason && now.readAt - Date.parse(account.as_of ?? 0) > 4000;
  return html`${isOld && html`<div class="callout">${text.stale(account.stale_reason)} <${Time} value=${account.as_of} /></div>`}
    ${account.entries && account.entries.status !== "allowed" && isRunning(session) && html`<div class="callout" role="status">${noEntry(account.entries)}</div>`}
    <${Tiles}>
    <${Tile} label=${`${text.equity} ${unit}`} value=${number(account.equity)} sub=${`${text.start0} ${number(account.initial_balance)}`} />
    <${Tile} label=${text.realised} value=${html`<${Pnl} value=${account.realised_pnl} />`} sub=${account.initial_balance ? html`<${PnlPercent} value=${100 * account.realised_pnl / account.initial_balance} />` : ""} />
    <${Tile} label=${text.open} value=${html`<${Pnl} value=${account.open_pnl} />`} sub=${`${account.positions_count ?? 0} ${text.positions(account.positions_count)}`} />
    <${Tile} label=${text.drawdown} value=${share(account.max_drawdown_pct, 2)} sub=${`${text.nowDown} ${share(account.drawdown_pct, 2)}`} />
    <${Tile} label=${text.costs} value=${number(account.fees)} sub=${`${text.funding} ${number(account.funding)}`} />
    <${Tile} label=${text.tradesWord} value=${count(counters.trades)} sub=${`${count(counters.signals)} ${text.signals(counters.signals)}, ${count(counters.fills)} ${text.fills(counters.fills)}`} />
  <//>`;
}

/** @param {any} entries of the whole session */
const noEntry = ({ status, until, reason }) =>
  text.noEntry(until ? text.untilThen(moment(until)) : status === "ended" ? text.forTheRest : text.forNow, reason ?? "");

/** @param {{session: any, now: any, symbol: string, onPick: (symbol: string) => void}} props */
function WatchStrip({ session, now, symbol, onPick }) {
  const prices = useStore((state) => state.prices[session.session_id]);
  const feeds = Object.fromEntries((now?.states?.feeds ?? []).map((/** @type {any} */ feed) => [feed.symbol, feed]));
  const held = new Set((now?.positions?.positions ?? []).map((/** @type {any} */ one) => one.symbol));
  return html`<div class="watch" role="group" aria-label=${text.watch}>${session.symbols.map((/** @type {string} */ name) => {
    const [feed, last] = [feeds[name], prices?.[name]];
    const value = last?.price ?? feed?.last_price;
    return html`<button type="button" key=${name} aria-pressed=${String(name === symbol)} onClick=${() => onPick(name)}>
      <strong>${name}</strong><span class="n">${value == null ? DASH : price(value)}</span>
      <span class="small faint">${held.has(name) ? html`<span class="accent">${text.inPosition}</span>` : ""}${feed && !feed.entries_enabled ? text.off : ""}</span>
      <span class=${`n small ${feed?.age_seconds > 10 ? "warn" : "faint"}`}>${feed?.age_seconds == null ? "" : `${duration(feed.age_seconds)} ${text.old}`}</span></button>`;
  })}</div>`;
}

/** @param {any} props */
function Chart({ session, symbol, read, now, chosen, onChoose, interval, isAlone }) {
  const running = isRunning(session);
  const isBacktest = session.session_type === "backtest";
  const recording = isBacktest ? session.source_session_id : session.recording_session_id;
  const { candles, gaps, error, isLoading } = useCandles({ recording, symbol, interval, session: running && !isBacktest ? session.session_id : null });
  const marks = useMemo(() => read.marks.filter((/** @type {any} */ mark) => mark.symbol === symbol).slice(-400), [read, symbol]);
  const own = (now?.positions?.positions ?? []).filter((/** @type {any} */ one) => one.symbol === symbol);
  const key = JSON.stringify(own.map((/** @type {any} */ one) => [one.entry_price, one.stop?.price, one.targets, one.liquidation_price]));
  const lines = useMemo(() => own.flatMap(positionLines), [key]);
  const chosenMark = chosen?.seq ? `d${chosen.seq}` : marks.find((/** @type {any} */ mark) => mark.trade && mark.trade === chosen?.id)?.id ?? null;
  const centre = useMemo(() => spanOf(chosen), [chosen]);
  const click = (/** @type {string} */ id) => {
    const mark = read.marks.find((/** @type {any} */ one) => one.id === id);
    const trade = mark?.trade && read.trades.find((/** @type {any} */ one) => one.id === mark.trade);
    onChoose(trade ?? { seq: Number(id.slice(1)), symbol, timestamp: new Date(mark?.time ?? 0).toISOString() });
  };
  return html`<${Panel} title=${symbol} flush>
    ${!recording ? html`<${Empty} title=${text.noRecording[0]}>${text.noRecording[1]}<//>` : error && !candles.length ? html`<${Failed} error=${error} />`
      : isLoading ? html`<${Loading} rows=${8} />` : html`<${CandleChart} label=${text.chartOf(symbol)} candles=${candles} gaps=${gaps} marks=${marks} lines=${lines} chosen=${chosenMark} centre=${centre} onMark=${click} />
      ${isAlone && html`<p class="row wide wrap small quiet keys-row">${words.chart.keys.map(([colour, what]) => html`<span key=${what} class="key"><i class=${`fill-${colour}`}></i>${what}</span>`)}</p>`}`}<//>`;
}

/** @param {any} one */
const positionLines = (one) => [
  { kind: "entry", price: one.entry_price, title: text.entry },
  ...(one.stop ? [{ kind: "stop", price: one.stop.price, title: one.stop.trigger === "SL" ? text.stopLine : one.stop.trigger }] : []),
  ...one.targets.map((/** @type {any} */ target) => ({ kind: "target", price: target.price, title: target.close_pct ? `${text.target} ${target.close_pct} %` : text.target })),
  { kind: "liquidation", price: one.liquidation_price, title: text.liquidation },
].filter((line) => line.price > 0 && (line.kind !== "liquidation" || one.liquidation_distance_pct < 25));

/** A minute on both sides of what was chosen. @param {any} chosen */
function spanOf(chosen) {
  if (!chosen) return null;
  const from = Date.parse(chosen.entryTime ?? chosen.timestamp);
  const to = Date.parse(chosen.exitTime ?? chosen.timestamp);
  return { from: from - 60_000, to: to + 60_000, key: chosen.id ?? String(chosen.seq) };
}

const Trades = still((/** @type {any} */ { trades, chosen, onChoose, isRunning: running }) => {
  return html`<${Panel} title=${text.tradesTitle} count=${trades.length} flush>
    <div class="scroll"><${Table} label=${text.tradesTitle} rows=${trades} keyOf=${(/** @type {any} */ row) => row.id} marked=${chosen?.id ?? null} most=${100}
      onOpen=${(/** @type {any} */ row) => onChoose(row.id === chosen?.id ? null : row)} detail=${(/** @type {any} */ row) => html`<${Why} trade=${row} conditionsOf=${conditionsOf} />`}
      columns=${TRADE_COLUMNS} empty=${html`<${Empty} title=${text.noTrades[0]}>${running ? text.noTrades[1] : text.noTrades[2]}<//>`} /></div><//>`;
});

const TRADE_COLUMNS = [
  { name: text.columns.exit, of: (/** @type {any} */ row) => html`<${Time} value=${row.exitTime} what="time" />` },
  { name: text.columns.symbol, of: (/** @type {any} */ row) => html`<strong title=${row.strategy}>${row.symbol}</strong> <span class="faint">${row.side}</span>`, class: "breaks", sort: (/** @type {any} */ row) => row.symbol },
  { name: text.columns.entry, numeric: true, of: (/** @type {any} */ row) => price(row.entryPrice) },
  { name: text.columns.out, numeric: true, of: (/** @type {any} */ row) => price(row.exitPrice) },
  { name: text.columns.net, numeric: true, of: (/** @type {any} */ row) => html`<${Pnl} value=${row.net} />`, sort: (/** @type {any} */ row) => row.net },
  { name: "%", numeric: true, of: (/** @type {any} */ row) => html`<${PnlPercent} value=${row.netPct} />`, sort: (/** @type {any} */ row) => row.netPct },
  { name: text.columns.reason, of: (/** @type {any} */ row) => html`<${Badge} kind=${row.net >= 0 ? "good" : "bad"}>${words.reasons[row.reason] ?? row.reason}<//>`, sort: (/** @type {any} */ row) => row.reason },
  { name: text.columns.lasted, numeric: true, class: "later", of: (/** @type {any} */ row) => duration((Date.parse(row.exitTime) - Date.parse(row.entryTime)) / 1000) },
];

const EQUITY_MS = 3000;

const Equity = still((/** @type {{id: string, isRunning: boolean}} */ { id, isRunning: running }) => {
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  useEffect(() => {
    const read = async () => {
      if (document.hidden) return;
      try { setAnswer(await get(`/sessions/${encodeURIComponent(id)}/equity?max_points=500`)); } catch { /* no account, or the link says so */ }
    };
    read();
    if (!running) return undefined;
    const timer = setInterval(read, EQUITY_MS);
    return () => clearInterval(timer);
  }, [id, running]);
  if (!answer?.equity.length) return null;
  return html`<${Panel} title=${`${text.equityTitle} ${answer.currency ?? ""}`} flush><${EquityChart} label=${text.equityTitle} points=${answer.equity} class="equity" /><//>`;
});

/** @param {{account: any}} props */
function Limits({ account }) {
  if (!account?.limits?.length) return null;
  const budgets = [account.budget, ...account.budgets].filter((/** @type {any} */ one) => one?.allocation);
  return html`<${Panel} title=${text.limits}><ul class="stack tight">${account.limits.map((/** @type {any} */ one) => {
    const used = one.threshold ? 100 * (one.value ?? 0) / one.threshold : 0;
    return html`<li key=${one.guard} class="stack tight"><div class="row small"><span class="grow">${words.guards[one.guard] ?? one.guard.replaceAll("_", " ")}</span>
      <span>${short(one.value, 2)} <span class="faint">/ ${short(one.threshold, 2)}${one.unit === "percent" ? " %" : ""}</span></span></div>
      <div class=${`meter ${used >= 100 ? "over" : used > 70 ? "warn" : ""}`} role="img" aria-label=${share(used)}><i style=${{ width: `${Math.min(100, used)}%` }}></i></div></li>`;
  })}${budgets.map((/** @type {any} */ one) => html`<li key=${one.strategy_id} class="stack tight"><div class="row small"><span class="grow">${text.budget} ${one.strategy_id ?? ""}</span><span>${number(one.used)} <span class="faint">/ ${number(one.allocation)}</span></span></div>
    <div class="meter"><i style=${{ width: `${Math.min(100, 100 * one.used / one.allocation)}%` }}></i></div></li>`)}</ul><//>`;
}

