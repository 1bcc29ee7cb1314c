// Beside the session page: checks with links to their fields, a summary in plain words, the request in three forms, presets.

import { html, useEffect, useState } from "../core/view.js";
import { get, put, remove } from "../core/api.js";
import { duration } from "../core/format.js";
import { notify } from "../core/store.js";
import { amount, currencyOf, formOf, missingOf, numberOf, requestOf } from "../core/session_form.js";
import { words } from "../core/words.js";
import { Button, Copy, Icon, Panel, Segments } from "./ui.js";

const text = words.startPage;
const SIGNS = /** @type {const} */ ({ error: "close", warning: "warning", good: "check" });

/** @param {{list: import("../core/session_form.js").Check[]}} props */
export const Checks = ({ list }) => html`<${Panel} title=${text.checksTitle} count=${list.filter((one) => one.kind === "error").length || ""}><ul class="checks" aria-live="polite">${list.map((one, n) => html`
  <li key=${n} class=${one.kind === "error" ? "bad" : one.kind === "warning" ? "warn" : "good"}><${Icon} name=${SIGNS[one.kind]} />
    ${one.field ? html`<button type="button" onClick=${() => show(/** @type {string} */ (one.field))}>${one.text}</button>` : html`<span>${one.text}</span>`}</li>`)}</ul><//>`;

/** Brings a field into view and puts the focus into it. @param {string} name */
function show(name) {
  const field = document.getElementById(`field-${name}`);
  field?.scrollIntoView({ block: "center", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
  /** @type {HTMLElement|null|undefined} */ (field?.querySelector("input, select, textarea, button"))?.focus({ preventScroll: true });
}

/** What will happen, as sentences. @param {any} form @param {any} recording */
export function summary(form, recording) {
  const say = text.summary;
  const missing = missingOf(form);
  if (missing.length) return [say.empty(missing.map((one) => say.missing[one]))];
  const what = form.strategies.join(", ");
  const symbols = form.symbols.length ? form.symbols.slice(0, 6).join(", ") + (form.symbols.length > 6 ? ` ${say.more(form.symbols.length - 6)}` : "") : recording ? say.allRecorded(recording.symbols.length) : say.allOfIt;
  const cap = numberOf(form.cap);
  const lines = [say[form.type](what, symbols, recording ? duration(recording.duration_seconds) : say.recordedData)];
  if (form.type !== "collect") {
    lines.push(cap == null ? say.noCap : say.cap(amount(cap, currencyOf(form, recording))));
    const [stop, take] = [numberOf(form.stop), numberOf(form.take)];
    lines.push(say.risk(stop == null ? say.ownStop : `${stop} %`, take == null ? say.ownTake : `${take} %`));
  }
  return lines;
}

const quoted = (/** @type {string} */ word) => `'${word.replaceAll("'", "'\\''")}'`;

/** @param {any} request */
const curl = (request) => [
  `curl -X POST "${location.origin}/sessions/start" \\`, `  -H "Authorization: Bearer $TOKEN" -H "X-CSRF-Token: $CSRF" \\`,
  `  -H 'Content-Type: application/json' \\`, `  -d ${quoted(JSON.stringify(request))}`].join("\n");

/** The same start on the command line of the daemon's host. @param {any} request */
const command = (request) => `echo ${quoted(JSON.stringify(request))} \\\n  | tradingd sessions start -`;

/** @param {{form: any, request: any, recording: any, onLoad: (form: any) => void}} props */
export function Review({ form, request, recording, onLoad }) {
  const [view, setView] = useState("words");
  const shown = view === "json" ? JSON.stringify(request, null, 2) : view === "curl" ? curl(request) : command(request);
  return html`<${Panel} title=${text.review} actions=${html`<${Segments} label=${text.review} value=${view} onChange=${setView} options=${text.views} />`}>
    ${view === "words" ? html`<div class="stack tight summary">${summary(form, recording).map((line, n) => html`<p key=${n}>${line}</p>`)}</div>`
      : html`<div class="stack tight"><pre tabindex="0">${shown}</pre><div class="row"><span class="grow"></span><${Copy} text=${shown} /></div></div>`}
    <${Presets} form=${form} onLoad=${onLoad} /><//>`;
}

/** Saved requests, where the daemon keeps them; those that came over the API load too. @param {{form: any, onLoad: (form: any) => void}} props */
function Presets({ form, onLoad }) {
  const [list, setList] = useState(/** @type {any[]} */ ([]));
  const [name, setName] = useState("");
  const load = () => get("/api/presets").then((answer) => setList(answer.presets), () => {});
  useEffect(() => { load(); }, []);
  const kept = requestOf({ ...form, confirm: "" });
  const save = async () => {
    try { await put(`/api/presets/${encodeURIComponent(name)}`, { request: kept }); setName(""); load(); } catch (error) { notify("bad", /** @type {Error} */ (error).message); }
  };
  return html`<div class="stack tight presets"><h3>${text.presets}</h3><div class="row wrap">${list.map((one) => html`<span key=${one.preset_id ?? one.name} class="chip"><button type="button" class="textlink" onClick=${() => onLoad(formOf({ session_type: one.request.session_type, as_sent: one.request }))}>${one.name}</button>
    <button type="button" aria-label=${text.forget(one.name)} onClick=${async () => { await remove(`/api/presets/${encodeURIComponent(one.preset_id ?? one.name)}`); load(); }}>×</button></span>`)}</div>
    <div class="row"><input class="input" placeholder=${text.presetName} aria-label=${text.presetName} value=${name} onInput=${(/** @type {any} */ event) => setName(event.target.value)} /><${Button} disabled=${!name} onClick=${save}>${text.save}<//></div></div>`;
}
