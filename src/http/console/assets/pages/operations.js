// The daemon itself: readiness with reasons, configuration, users, logins, log.

import { html, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { setQuery } from "../core/router.js";
import { useStore } from "../core/store.js";
import { count, duration, short } from "../core/format.js";
import { operationsWords as text } from "../core/words_pages.js";
import { Badge, Button, Failed, Loaded, PageHead, Panel, Segments, Tile, Tiles, useAnswer, useTick, partKind } from "../parts/ui.js";
import { Configuration } from "../parts/configuration.js";
import { Logins, Users } from "../parts/users.js";
import { Log } from "../parts/log_tail.js";

/** @param {{query: URLSearchParams}} props */
export default function Operations({ query }) {
  const isAdmin = useStore((state) => state.me?.role === "admin");
  const tabs = Object.entries(text.tabs).filter(([key]) => isAdmin || (key !== "users" && key !== "log"));
  const tab = tabs.some(([key]) => key === query.get("tab")) ? query.get("tab") : "health";
  return html`<${PageHead} title=${text.title} about=${text.about} />
    <${Segments} label=${text.title} value=${tab} options=${tabs} onChange=${(/** @type {string} */ value) => setQuery({ tab: value })} />
    ${tab === "health" && html`<${Health} isAdmin=${isAdmin} />`}
    ${tab === "configuration" && html`<${Configuration} />`}
    ${tab === "users" && html`<${Users} />`}
    ${tab === "logins" && html`<${Logins} />`}
    ${tab === "log" && html`<${Log} />`}`;
}

/** What has an age that matters. */
const PARTS = ["store", "config", "exchange", "questdb", "clock", "sessions"];

/** @param {{isAdmin: boolean}} props */
function Health({ isAdmin }) {
  useTick(5000);
  const now = Math.floor(Date.now() / 5000);
  const ready = useAnswer(() => readiness(), [now]);
  const alive = useAnswer(() => get("/health"), [now]);
  const copy = useAnswer(() => get("/api/analytics/status"), [now]);
  return html`<${Loaded} of=${ready} rows=${6}>${(/** @type {any} */ answer) => html`
    <${Tiles}><${Tile} label=${text.readiness} value=${html`<span class=${answer.status === "ready" ? "up" : "down"}>${answer.status === "ready" ? text.ready : text.notReady}</span>`} />
      <${Tile} label=${text.uptime} value=${duration(alive.answer?.uptime_seconds)} />
      <${Tile} label=${text.version} value=${alive.answer?.version ?? "—"} /><//>
    <div class="parts">${PARTS.filter((part) => answer[part]).map((part) => html`<${Part} key=${part} name=${part} of=${answer[part]} />`)}</div>
    ${copy.answer?.enabled && html`<${Analytics} of=${copy.answer} />`}
    ${isAdmin && html`<${Verify} />`}`}<//>`;
}

/** A daemon that is not ready says why with 503. */
async function readiness() {
  const response = await fetch("/health/ready");
  const body = await response.json();
  if (!body.data) throw new Error(body.error_message);
  return body.data;
}

/** @param {{name: string, of: any}} props */
function Part({ name, of }) {
  const { status, reason, age_seconds, ...rest } = of;
  const facts = Object.entries(rest).filter(([, value]) => value != null && typeof value !== "object");
  return html`<section class="panel padded part" aria-label=${name}><div class="row"><h2 class="grow">${name}</h2><${Badge} kind=${partKind(status)}>${status.replace(/_/g, " ")}<//></div>
    ${reason && html`<p class="small quiet">${reason}</p>`}
    <dl class="pairs small">${age_seconds != null && html`<dt>${text.age}</dt><dd>${duration(age_seconds)}</dd>`}
      ${facts.map(([key, value]) => html`<dt key=${key}>${key.replace(/_/g, " ")}</dt><dd>${typeof value === "number" ? short(value, 2) : String(value)}</dd>`)}</dl></section>`;
}

/** The copy to QuestDB, table by table. @param {{of: any}} props */
function Analytics({ of }) {
  const names = [...new Set((of.tables ?? []).flatMap((/** @type {any} */ table) => Object.keys(table)))];
  return html`<${Panel} title=${text.analytics} flush>${of.reason && html`<p class="small quiet state">${of.reason}</p>`}
    ${of.tables?.length > 0 && html`<div class="scroll"><table class="table" aria-label=${text.analytics}><thead><tr>${names.map((name) => html`<th key=${name} scope="col">${String(name).replace(/_/g, " ")}</th>`)}</tr></thead>
      <tbody>${of.tables.map((/** @type {any} */ table) => html`<tr key=${table.table ?? table.name}>${names.map((name) => html`<td key=${name}>${show(table[/** @type {string} */ (name)])}</td>`)}</tr>`)}</tbody></table></div>`}<//>`;
}

const show = (/** @type {any} */ value) => value == null ? "—" : typeof value === "number" ? count(value) : typeof value === "object" ? JSON.stringify(value) : String(value);

function Verify() {
  const [held, hold] = useState(/** @type {any} */ ({ isBusy: false }));
  const run = async () => {
    hold({ isBusy: true });
    try { hold({ isBusy: false, answer: await get("/api/store/verify") }); } catch (error) { hold({ isBusy: false, error }); }
  };
  const { isBusy, answer, error } = held;
  return html`<${Panel} title=${text.store} actions=${html`<${Button} small disabled=${isBusy} onClick=${run}>${text.store}<//>`}>
    ${isBusy && html`<p class="small quiet" role="status">${text.verifying}</p>`}
    ${error && html`<${Failed} error=${error} />`}
    ${answer && html`<div class=${`callout ${answer.sound ? "info" : "bad"}`} role="status">${answer.sound ? text.sound : text.unsound} · ${count(answer.records)} records, ${count(answer.blocks)} blocks, ${count(answer.rows)} rows</div>
      <ul class="problems">${answer.problems.map((/** @type {any} */ one, /** @type {number} */ n) => html`<li key=${n}><b>${one.place}</b>: ${one.problem}. ${one.advice}</li>`)}</ul>`}<//>`;
}
