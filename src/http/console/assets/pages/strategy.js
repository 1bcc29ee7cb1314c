// One strategy: rules, JSON, versions, results; every problem at its row, and a preview while it is written.

import { html, useEffect, useMemo, useState } from "../core/view.js";
import { Refused, get, post, put, remove } from "../core/api.js";
import { address, go, setQuery } from "../core/router.js";
import { notify, useStore } from "../core/store.js";
import { SECTIONS, blank, problemsAt } from "../core/strategy.js";
import { strategyWords as text } from "../core/words_pages.js";
import { Badge, Button, Confirm, Field, Loaded, PageHead, Panel, Segments, useAnswer } from "../parts/ui.js";
import { Protection, Section, Problems, edited } from "../parts/rules.js";
import { Indicators } from "../parts/indicators.js";
import { Preview } from "../parts/preview.js";
import { Uses, Versions } from "../parts/versions.js";

const CHECK_MS = 120;

/** @param {{id: string, query: URLSearchParams}} props */
export default function Strategy({ id, query }) {
  const isNew = id === "new";
  const kept = useAnswer(async () => isNew ? { id: "new", version: 0, document: blank(), warnings: [] } : get(`/api/strategies/${encodeURIComponent(id)}`), [id]);
  const catalogue = useAnswer(async () => Object.fromEntries((await get("/api/indicators")).indicators.map((/** @type {any} */ one) => [one.type, one])), []);
  const isLoading = !kept.answer || !catalogue.answer;
  return html`${isLoading && html`<${PageHead} title=${isNew ? text.newTitle : id} />`}<${Loaded} of=${kept} rows=${8}>${(/** @type {any} */ strategy) => html`<${Loaded} of=${catalogue} rows=${8}>${(/** @type {any} */ types) =>
    html`<${Editor} key=${`${strategy.id} ${strategy.version}`} kept=${strategy} isNew=${isNew} catalogue=${types} tab=${query.get("tab") ?? "rules"} again=${kept.again} />`}<//>`}<//>`;
}

/** @param {{kept: any, isNew: boolean, catalogue: Record<string, any>, tab: string, again: () => void}} props */
function Editor({ kept, isNew, catalogue, tab, again }) {
  const isLocked = useStore((state) => state.me?.role === "viewer");
  const [doc, setDoc] = useState(kept.document);
  const [refused, refuse] = useState(/** @type {any[]} */ ([]));
  const [isRemoving, ask] = useState(false);
  const checked = useChecked(doc);
  const isChanged = doc !== kept.document && JSON.stringify(doc) !== JSON.stringify(kept.document);
  const problems = useMemo(() => unique([...checked.errors, ...refused]), [checked.errors, refused]);
  const edit = (/** @type {any[]} */ path, /** @type {any} */ value) => { refuse([]); setDoc((/** @type {any} */ before) => edited(before, path, value)); };
  const of = { doc, edit, problems, catalogue, isLocked };
  const save = async () => {
    try {
      const saved = isNew ? await post("/api/strategies", doc) : await put(`/api/strategies/${encodeURIComponent(kept.id)}`, doc, { "If-Match": `"${kept.version}"` });
      notify("good", saved.version === kept.version ? text.same : text.saved(saved.version));
      if (isNew) go("/strategies/:id", { id: saved.id }); else again();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      refuse(error.problems);
      notify("bad", error.code === "version_conflict" ? text.stale : error.message);
    }
  };
  useUnsaved(isChanged);
  const badges = html`${checked.isKnown && (problems.length ? html`<${Badge} kind="bad">${text.problems(problems.length)}<//>` : html`<${Badge} kind="good">${text.valid}<//>`)}
    ${checked.warnings.length > 0 && html`<${Badge} kind="warn" title=${checked.warnings.map((one) => one.problem).join("\n")}>${text.warnings(checked.warnings.length)}<//>`}
    <${Badge} kind=${isChanged || isNew ? "busy" : ""}>${isNew ? text.isNew : isChanged ? text.draft : `${text.versionNumber} ${kept.version}`}<//>`;
  return html`<${PageHead} title=${doc.strategy_name || text.newTitle} about=${html`<a href=${address("/strategies")}>${text.title}</a>`}>
      <span class="row">${badges}</span>
      ${!isLocked && !isNew && html`<${Button} kind="plain" onClick=${() => ask(true)}>${text.remove}<//>`}
      ${!isNew && html`<a class="button" href=${address("/start", {}, { type: "backtest", strategy: kept.id })}>${text.run}</a>`}
      ${isChanged && !isNew && html`<${Button} onClick=${() => { setDoc(kept.document); refuse([]); }}>${text.discard}<//>`}
      ${!isLocked && html`<${Button} kind="primary" disabled=${!isChanged && !isNew} onClick=${save}>${text.save}<//>`}<//>
    ${isLocked && html`<div class="callout info">${text.readOnly}</div>`}
    <${Segments} label=${text.title} value=${tab} onChange=${(/** @type {string} */ value) => setQuery({ tab: value })}
      options=${Object.entries(text.tabs).filter(([key]) => !isNew || key === "rules" || key === "json")} />
    ${tab === "versions" && html`<${Versions} kept=${kept} doc=${doc} isLocked=${isLocked} onRestore=${(/** @type {any} */ old) => { setDoc(old); notify("info", text.restored); }} />`}
    ${tab === "uses" && html`<${Uses} kept=${kept} />`}
    ${(tab === "rules" || tab === "json") && html`<div class="workshop">
      <div class="stack">${tab === "rules" ? html`<${General} of=${of} /><${Indicators} of=${of} />
        ${SECTIONS.map(({ key, name, any }) => html`<${Section} key=${key} of=${of} name=${key} short=${name} isAny=${any} />`)}<${Protection} of=${of} /><${Elsewhere} of=${of} />`
        : html`<${Json} doc=${doc} isLocked=${isLocked} problems=${problems} onDoc=${(/** @type {any} */ next) => { refuse([]); setDoc(next); }} />`}</div>
      <div class="aside"><${Preview} doc=${doc} isValid=${!problems.length} onProblems=${() => undefined} /></div></div>`}
    ${isRemoving && html`<${Confirm} title=${text.removeTitle(kept.strategy_name)} about=${text.removeAbout} action=${text.remove} danger onClose=${() => ask(false)}
      onYes=${async () => { await remove(`/api/strategies/${encodeURIComponent(kept.id)}`); go("/strategies"); }} />`}`;
}

/** One problem for each place and sentence. @param {{path: string, problem: string}[]} all */
const unique = (all) => [...new Map(all.map((one) => [`${one.path} ${one.problem}`, one])).values()];

/** What is wrong with a document, all of it, asked when it has been quiet for a moment. @param {any} doc */
function useChecked(doc) {
  const [held, hold] = useState(/** @type {{errors: any[], warnings: any[], isKnown: boolean}} */ ({ errors: [], warnings: [], isKnown: false }));
  useEffect(() => {
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      try {
        const { errors, warnings } = await post("/api/strategies/validate", doc, { signal: stop.signal });
        hold({ errors, warnings, isKnown: true });
      } catch (error) {
        if (!stop.signal.aborted) hold((before) => ({ ...before, errors: error instanceof Refused ? error.problems : [], isKnown: error instanceof Refused && error.problems.length > 0 }));
      }
    }, CHECK_MS);
    return () => { clearTimeout(timer); stop.abort(); };
  }, [doc]);
  return held;
}

/** Asks before a changed document is left with the tab. @param {boolean} isChanged */
function useUnsaved(isChanged) {
  useEffect(() => {
    if (!isChanged) return undefined;
    const leaving = (/** @type {BeforeUnloadEvent} */ event) => event.preventDefault();
    addEventListener("beforeunload", leaving);
    return () => removeEventListener("beforeunload", leaving);
  }, [isChanged]);
}

/** @param {{of: import("../parts/rules.js").Editing}} props */
function General({ of }) {
  const { doc, edit, isLocked } = of;
  const line = (/** @type {string} */ key, /** @type {string} */ label) => html`<div class="field"><span>${label}</span><input class="input" aria-label=${label} disabled=${isLocked} value=${doc[key] ?? ""}
    onInput=${(/** @type {any} */ event) => edit([key], event.target.value)} /><${Problems} of=${of} path=${[key]} /></div>`;
  return html`<${Panel} title=${text.general} class="section"><div class="stack tight">
    <div class="grid3">${line("strategy_name", text.name)}
      <div class="field"><span>${text.side}</span><${Segments} label=${text.side} value=${doc.direction ?? "LONG"} options=${[["LONG", text.sides.LONG], ["SHORT", text.sides.SHORT], ["BOTH", text.sides.BOTH]]}
        onChange=${(/** @type {string} */ value) => { if (!isLocked) edit(["direction"], value); }} /><${Problems} of=${of} path=${["direction"]} /></div>
      ${line("category", text.category)}</div>
    ${line("description", text.description)}
    <div class="row wide wrap"><div class="field grow"><span>${text.tagList}</span><input class="input" aria-label=${text.tagList} disabled=${isLocked} value=${(doc.tags ?? []).join(", ")}
      onChange=${(/** @type {any} */ event) => edit(["tags"], event.target.value.split(",").map((/** @type {string} */ tag) => tag.trim()).filter(Boolean))} /><${Problems} of=${of} path=${["tags"]} below /></div>
      <label class="check"><input type="checkbox" disabled=${isLocked} checked=${doc.enabled !== false} onChange=${(/** @type {any} */ event) => edit(["enabled"], event.target.checked)} />${text.isEnabled}</label></div>
  </div><//>`;
}

/** Problems of places that the form does not show. @param {{of: import("../parts/rules.js").Editing}} props */
function Elsewhere({ of }) {
  const shown = [...SECTIONS.map(({ key }) => key), "indicators", "strategy_name", "description", "direction", "category", "tags", "trailingStop", "breakEven"];
  const rest = of.problems.filter((one) => !shown.some((key) => problemsAt([one], [key], true).length));
  return rest.length ? html`<${Panel} title=${text.elsewhere}><div role="alert"><ul class="problems">${rest.map((one, n) => html`<li key=${n}><span class="mono">${one.path}</span> ${one.problem}</li>`)}</ul></div><//>` : null;
}

/** The document as text; text that is not JSON stays here until it is. @param {{doc: any, isLocked: boolean, problems: any[], onDoc: (doc: any) => void}} props */
function Json({ doc, isLocked, problems, onDoc }) {
  const [typed, type] = useState(() => JSON.stringify(doc, null, 2));
  const [wrong, setWrong] = useState("");
  const change = (/** @type {string} */ value) => {
    type(value);
    try { onDoc(JSON.parse(value)); setWrong(""); } catch (error) { setWrong(/** @type {Error} */ (error).message); }
  };
  return html`<${Panel} title=${text.tabs.json}><div class="stack tight"><p class="small quiet">${text.jsonAbout}</p>
    <textarea class=${`input mono json ${wrong ? "bad" : ""}`} aria-label=${text.tabs.json} spellcheck="false" disabled=${isLocked} rows="40" value=${typed} onInput=${(/** @type {any} */ event) => change(event.target.value)}></textarea>
    ${wrong && html`<p class="problem" role="alert">${text.jsonBad}${wrong}</p>`}
    <div role="alert"><ul class="problems">${problems.map((one, n) => html`<li key=${n}><span class="mono">${one.path}</span> ${one.problem}</li>`)}</ul></div></div><//>`;
}
