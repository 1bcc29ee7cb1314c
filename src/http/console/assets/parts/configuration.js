// The configuration: in force, what the last change changed, and why the file as it is now was rejected.

import { html, useMemo, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { useStore } from "../core/store.js";
import { operationsWords } from "../core/words_pages.js";
import { Badge, Loaded, Panel, Time, useAnswer } from "./ui.js";

const text = operationsWords.config;

export function Configuration() {
  // A reload or a rejection is an event of the daemon, which the health stream tells.
  const version = useStore((state) => JSON.stringify(state.health?.config ?? state.health?.version ?? null));
  const asked = useAnswer(() => Promise.all([get("/api/config"), get("/api/config/status")]), [version]);
  return html`<${Loaded} of=${asked} rows=${8}>${(/** @type {any} */ [config, status]) => html`
    ${status.last_error && html`<div class="callout bad" role="alert"><div><p class="strong">${text.rejected}</p><p class="small">${text.rejectedAt} <${Time} value=${status.last_error.at} /></p>
      <ul class="problems">${status.last_error.problems.map((/** @type {any} */ one, /** @type {number} */ n) => html`<li key=${n}><span class="mono">${one.path || "/"}</span> ${one.problem}</li>`)}</ul></div></div>`}
    ${status.restart_needed.length > 0 && html`<div class="callout"><div>${text.restart}: ${status.restart_needed.map((/** @type {string} */ path) => html`<code key=${path}>${path} </code>`)}</div></div>`}
    <div class="halves">
      <${Panel} title=${text.file}><dl class="pairs"><dt>${text.file}</dt><dd class="mono">${status.path}</dd><dt>${text.version}</dt><dd>${status.version}</dd><dt>${text.loaded}</dt><dd><${Time} value=${status.loaded_at} /></dd></dl><//>
      <${Panel} title=${text.changes}>${status.changes.length ? html`<ul class="differences">${status.changes.map((/** @type {any} */ one) => html`<li key=${one.path}><p class="mono small">${one.path} <${Badge}>${String(one.takes_effect).replace(/_/g, " ")}<//></p>
        <p class="down"><span aria-label=${text.before}>−</span> ${JSON.stringify(one.old)}</p><p class="up"><span aria-label=${text.now}>+</span> ${JSON.stringify(one.new)}</p></li>`)}</ul>` : html`<p class="quiet small">${text.none}</p>`}<//></div>
    <${InForce} config=${config} />`}<//>`;
}

/** Every field with its value. @param {{config: any}} props */
function InForce({ config }) {
  const [query, search] = useState("");
  const all = useMemo(() => fields(config, ""), [config]);
  const found = all.filter(([path]) => path.toLowerCase().includes(query.toLowerCase()));
  return html`<${Panel} title=${text.inForce} count=${found.length} flush actions=${html`<input class="input search" type="search" placeholder=${text.search} aria-label=${text.search} value=${query} onInput=${(/** @type {any} */ event) => search(event.target.value)} />`}>
    <table class="table" aria-label=${text.inForce}><tbody>${found.map(([path, value]) => html`<tr key=${path}><td class="mono">${path}</td><td class="wrap">${value == null ? html`<span class="faint">—</span>` : JSON.stringify(value)}</td></tr>`)}</tbody></table><//>`;
}

/** @param {any} value @param {string} path @returns {[string, any][]} */
function fields(value, path) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [[path, value]];
  return Object.entries(value).flatMap(([name, part]) => fields(part, `${path}/${name}`));
}
