// What a running session holds and waits for: positions, open orders, states with the distance of their conditions.

import { html } from "../core/view.js";
import { duration, moment, price, share, short } from "../core/format.js";
import { words } from "../core/words.js";
import { Badge, Empty, Loading, Panel, Pnl, PnlPercent, Time, useTick } from "./ui.js";
import { Conditions } from "./conditions.js";

const text = words.board;

/** @param {{session: any, now: any}} props */
export function Positions({ session, now }) {
  useTick(1000);
  const list = now?.positions?.positions;
  const isLive = session.session_type === "live";
  const others = list && isLive ? othersThere(now.positions) : [];
  const isUnread = list && isLive && !now.positions.at_exchange;
  const isNothing = list && !isUnread && list.length + others.length === 0;
  return html`<${Panel} class="second" title=${text.positionsTitle} count=${list && list.length + others.length} flush>
    ${isUnread && html`<div class="callout" role="status">${text.accountUnread}</div>`}
    ${!list ? html`<${Loading} />` : isNothing ? html`<${Empty} title=${text.noPositions[0]}>${text.noPositions[1]}<//>` : html`<div class="instances">
      ${others.map((/** @type {any} */ held) => html`<article key=${held.symbol + held.side} class="instance">
        <header><strong>${held.symbol}</strong><${Side} side=${held.side} /><span class="grow"></span><${Badge} kind="warn">${text.onlyThere}<//></header>
        <dl class="pairs"><dt>${text.entryThere}</dt><dd>${price(held.entry_price)}</dd><${AtExchange} held=${held} /></dl></article>`)}
      ${list.map((/** @type {any} */ one) => html`<article key=${one.instance} class="instance">
        <header><strong>${one.symbol}</strong><${Side} side=${one.side} leverage=${one.leverage} />
          <span class="grow"></span><${Pnl} value=${one.unrealised_pnl} /><${PnlPercent} value=${one.unrealised_pnl_pct} /></header>
        <dl class="pairs"><dt>${text.quantity}</dt><dd>${short(one.quantity, 8)} @ ${price(one.entry_price)} <span class="faint">→ ${price(one.mark_price)}</span></dd>
          ${isLive && html`<${AtExchange} held=${heldOf(now, one)} isUnread=${isUnread} />`}
          <dt>${isLive ? text.decidedStop : text.protected}</dt><dd>${one.stop ? html`<span class=${isLive ? "" : "good"}>${isLive ? "" : "✓ "}${text.stopAt(price(one.stop.price))}</span> <span class="faint">${share(one.stop.distance_pct, 2)} · ${words.reasons[one.stop.trigger] ?? one.stop.trigger}</span>` : html`<span class="bad">✕ ${text.unprotected}</span>`}</dd>
          ${one.targets.length > 0 && html`<dt>${text.targets}</dt><dd>${one.targets.map((/** @type {any} */ target) => `${price(target.price)} (${share(target.distance_pct, 2)})`).join(", ")}</dd>`}
          <dt>${text.liquidation}</dt><dd>${price(one.liquidation_price)} <span class="faint">${share(one.liquidation_distance_pct)}</span></dd>
          <dt>${text.age}</dt><dd>${duration((Date.now() - Date.parse(one.opened_at)) / 1000)} ${one.closes_at && html`<span class="faint">${text.closesAt} <${Time} value=${one.closes_at} what="time" /></span>`}</dd></dl></article>`)}</div>`}<//>`;
}

/** The exchange's position that a session's belongs to: there is one a symbol and side. @param {any} now @param {any} one */
const heldOf = (now, one) => now.positions.at_exchange?.find((/** @type {any} */ held) => held.symbol === one.symbol && held.side === one.side);

/** What the exchange holds of a session without a position of its own there. @param {any} positions */
const othersThere = ({ positions, at_exchange }) => (at_exchange ?? []).filter((/** @type {any} */ held) => !positions.some((/** @type {any} */ one) => held.symbol === one.symbol && held.side === one.side));

/** @param {{side: string, leverage?: number}} props */
const Side = ({ side, leverage }) => html`<span class=${side === "long" ? "up" : "down"}>${side === "long" ? "▲ long" : "▼ short"}${leverage && ` ${leverage}×`}</span>`;

/** What protects a position where it is held. @param {{held: any, isUnread?: boolean}} props */
const AtExchange = ({ held, isUnread }) => html`
  <dt>${text.protected}</dt><dd>${!held ? html`<span class="warn">${isUnread ? text.notReadThere : text.notThere}</span>`
    : held.unprotected_since ? html`<span class="bad">✕ ${text.unprotectedSince} <${Time} value=${held.unprotected_since} what="time" /></span>`
    : html`<span class="good">✓ ${held.stop_price == null ? text.stopBetween : text.stopThere(price(held.stop_price))}</span>`}</dd>
  ${held && held.quantity != null && html`<dt>${text.there}</dt><dd>${text.sizeThere(short(held.quantity, 8))}${held.margin != null && html` · ${text.marginThere(short(held.margin, 8))}`}${held.liquidation_price != null && html` · ${text.liquidationThere(price(held.liquidation_price))}`} <span class="faint"><${Time} value=${held.told_at} what="time" /></span></dd>`}`;

/** @param {{now: any}} props */
export function Orders({ now }) {
  const list = now?.orders?.orders ?? [];
  if (!list.length) return null;
  return html`<${Panel} title=${text.ordersTitle} count=${list.length} flush><div class="instances">${list.map((/** @type {any} */ one) => html`<article key=${one.order_id} class="instance">
    <header><strong>${one.symbol}</strong><span class=${one.side === "buy" ? "up" : "down"}>${one.side}</span><span class="quiet">${words.purposes[one.purpose] ?? one.purpose}</span><span class="grow"></span><${Badge}>${one.status.replaceAll("_", " ")}<//></header>
    <p class="small quiet">#${one.order_id} · ${one.kind.replaceAll("_", " ")} ${one.limit == null ? "" : price(one.limit)} · ${short(one.filled_quantity, 8)} / ${short(one.quantity, 8)} · <${Time} value=${one.submitted_at} what="ms" /></p></article>`)}</div><//>`;
}

const ACTIVE = ["POSITION_ACTIVE", "ENTRY_EVALUATION", "CLOSE_ORDER_EVALUATION", "EMERGENCY_EXIT", "SIGNAL_DETECTED"];
const KINDS = /** @type {Record<string, string>} */ ({ POSITION_ACTIVE: "good", ENTRY_EVALUATION: "busy", SIGNAL_DETECTED: "warn", CLOSE_ORDER_EVALUATION: "busy", EMERGENCY_EXIT: "bad", HALTED: "bad" });

/** Strategy × symbol, those of the chosen symbol first. @param {{now: any, symbol: string, onPick: (symbol: string) => void}} props */
export function Instances({ now, symbol, onPick }) {
  useTick(1000);
  const list = now?.states?.states;
  if (!list) return html`<${Panel} title=${text.statesTitle}><${Loading} /><//>`;
  const rank = (/** @type {any} */ one) => (one.symbol === symbol ? 0 : 2) + (ACTIVE.includes(one.state) ? 0 : 1);
  const sorted = [...list].sort((a, b) => rank(a) - rank(b) || a.instance - b.instance);
  return html`<${Panel} class="second" title=${text.statesTitle} count=${now.states.total_count} flush><div class="instances scroll" tabindex="0" aria-label=${text.statesTitle}>${sorted.map((one) => html`
    <article key=${one.instance} class=${`instance ${one.symbol === symbol ? "marked" : ""}`}>
      <header><button type="button" class="textlink" onClick=${() => onPick(one.symbol)}>${one.symbol}</button><span class="quiet">${one.strategy_id}${one.side === "short" ? " ▼" : ""}</span>
        <span class="grow"></span><${Badge} kind=${KINDS[one.state] ?? ""} title=${one.state}>${words.states[one.state] ?? one.state}<//>${one.until && html`<${Left} until=${one.until} />`}</header>
      ${one.conditions.length > 0 && html`<${Conditions} list=${one.conditions} />`}
      ${one.warming_up.length > 0 && html`<p class="small warn">${text.warmingUp(one.warming_up.join(", "))}</p>`}
      ${one.blocked && html`<p class="small warn">${noEntry(one.blocked)}</p>`}
    </article>`)}</div><//>`;
}

/** Why there is no entry now and how long, as one sentence. @param {any} blocked */
function noEntry({ guard, value, threshold, until, reason, until_reason }) {
  const [howLong, why] = words.refusing[guard] ?? [until_reason ?? text.forNow, () => reason];
  return text.noEntry(until ? text.untilThen(moment(until, "time")) : howLong, why?.(short(value), short(threshold)) ?? "");
}

/** @param {{until: string}} props */
const Left = ({ until }) => {
  const left = (Date.parse(until) - Date.now()) / 1000;
  return left > 0 ? html`<span class="small faint">${duration(left)}</span>` : null;
};
