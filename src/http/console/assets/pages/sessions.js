// All sessions, newest first: filter by type and state, stop the running ones, open their board or report.

import { html, useState } from "../core/view.js";
import { get, post } from "../core/api.js";
import { isRunning, mayRun, refreshSession } from "../core/live.js";
import { address, go, setQuery } from "../core/router.js";
import { notify, useStore } from "../core/store.js";
import { count, duration, shortId } from "../core/format.js";
import { words } from "../core/words.js";
import { Button, Confirm, Empty, Loaded, ModeBadge, PageHead, Panel, Segments, StatusBadge, Time, useAnswer } from "../parts/ui.js";
import { Table } from "../parts/table.js";

const text = words.sessionsPage;

/** @param {{query: URLSearchParams}} props */
export default function Sessions({ query }) {
  const type = query.get("type") ?? "";
  const [stopping, stop] = useState(/** @type {any} */ (null));
  const [older, more] = useState(/** @type {any[]} */ ([]));
  const [cursor, next] = useState(/** @type {string|null} */ (null));
  const known = useStore((state) => state.sessions);
  const me = useStore((state) => state.me);
  const first = useAnswer(() => get(`/sessions?limit=100${type ? `&type=${type}` : ""}`), [type]);
  const load = async () => {
    const part = await get(`/sessions?limit=100&cursor=${encodeURIComponent(cursor ?? first.answer.next_cursor)}${type ? `&type=${type}` : ""}`);
    more([...older, ...part.sessions]);
    next(part.next_cursor ?? "");
  };
  return html`<${PageHead} title=${text.title} about=${text.about}>
      <${Segments} label=${text.type} value=${type} options=${[["", text.all], ...Object.entries(words.modes)]}
        onChange=${(/** @type {string} */ value) => { more([]); next(null); setQuery({ type: value }); }} />
      <a class="button primary" href=${address("/start")}>${text.start}</a><//>
    <${Panel} flush><${Loaded} of=${first} rows=${6}>${(/** @type {any} */ answer) => {
      const rows = [...answer.sessions, ...older].map((one) => known[one.session_id] ?? one);
      const fresh = Object.values(known).filter((one) => isRunning(one) && (!type || one.session_type === type) && !rows.some((row) => row.session_id === one.session_id));
      return html`<${Table} label=${text.title} columns=${columns(stop, me)} rows=${[...fresh, ...rows].sort((one, other) => other.created_at.localeCompare(one.created_at))} keyOf=${(/** @type {any} */ row) => row.session_id}
        onOpen=${(/** @type {any} */ row) => go("/board/:id", { id: row.session_id })}
        empty=${html`<${Empty} title=${text.none[0]} action=${html`<a class="button primary" href=${address("/start")}>${text.start}</a>`}>${text.none[1]}<//>`} />
        ${(cursor ?? answer.next_cursor) && html`<div class="state"><${Button} onClick=${load}>${text.more}<//></div>`}`;
    }}<//><//>
    ${stopping && html`<${StopSession} session=${stopping} onClose=${() => stop(null)} />`}`;
}

const columns = (/** @type {(row: any) => void} */ stop, /** @type {any} */ me) => [
  { name: text.columns.id, of: (/** @type {any} */ row) => html`<a href=${address("/board/:id", { id: row.session_id })} title=${row.session_id}>${shortId(row.session_id)}</a>`, sort: (/** @type {any} */ row) => row.created_at },
  { name: text.columns.type, of: (/** @type {any} */ row) => html`<${ModeBadge} mode=${row.session_type} />`, sort: (/** @type {any} */ row) => row.session_type },
  { name: text.columns.state, of: (/** @type {any} */ row) => html`<span title=${row.error_message}><${StatusBadge} status=${row.status} /></span>`, sort: (/** @type {any} */ row) => row.status },
  { name: html`<span class="hidden-label">${text.columns.action}</span>`, of: (/** @type {any} */ row) => isRunning(row)
    ? mayRun(me, row) && html`<${Button} small kind="danger" onClick=${() => stop(row)}>${text.stop}<//>`
    : row.result_id ? html`<a class="button small" href=${address("/results/:id", { id: row.result_id })}>${text.report}</a>` : null },
  { name: text.columns.strategies, of: (/** @type {any} */ row) => row.strategies.map((/** @type {any} */ one) => one.name).join(", ") || "—" },
  { name: text.columns.symbols, of: (/** @type {any} */ row) => html`<span title=${row.symbols.join(", ")}>${row.symbols.slice(0, 3).join(", ")}${row.symbols.length > 3 ? ` +${row.symbols.length - 3}` : ""}</span>` },
  { name: text.columns.started, of: (/** @type {any} */ row) => html`<${Time} value=${row.created_at} />`, sort: (/** @type {any} */ row) => row.created_at },
  { name: text.columns.progress, of: (/** @type {any} */ row) => progress(row) },
  { name: text.columns.trades, numeric: true, of: (/** @type {any} */ row) => count(row.counters?.trades), sort: (/** @type {any} */ row) => row.counters?.trades ?? null },
];

function progress(/** @type {any} */ row) {
  if (!isRunning(row)) return html`<span class="faint">${row.ended_at ? duration((Date.parse(row.ended_at) - Date.parse(row.created_at)) / 1000) : ""}</span>`;
  if (row.progress == null) return html`<span class="quiet">${duration((Date.now() - Date.parse(row.created_at)) / 1000)}</span>`;
  return html`<progress class="bar" max="100" value=${row.progress} aria-label=${text.columns.progress}></progress>`;
}

/** Asks before a session is stopped. @param {{session: any, onClose: () => void}} props */
export function StopSession({ session, onClose }) {
  const stop = async () => {
    const answer = await post("/sessions/stop", { session_id: session.session_id });
    await refreshSession(session.session_id);
    notify("good", answer.status === "session_stopped" ? text.stopped : text.stopping);
  };
  return html`<${Confirm} title=${text.stopTitle(shortId(session.session_id))} danger action=${text.stop} onYes=${stop} onClose=${onClose}
    about=${text.consequences[session.session_type]} />`;
}
