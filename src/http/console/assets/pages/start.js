// The session page: what to run, on what, with how much, at which risk; checks while typing, review, start.

import { html, useMemo, useRef, useState } from "../core/view.js";
import { get, isDecided, newKey, postOnce } from "../core/api.js";
import { go } from "../core/router.js";
import { notify, useStore } from "../core/store.js";
import { words } from "../core/words.js";
import { Field, Loading, NumberInput, PageHead, Panel, useAnswer } from "../parts/ui.js";
import { Strategies, Symbols, Recordings } from "../parts/choose.js";
import { Checks, Review } from "../parts/review.js";
import { allocate, amount, currencyOf, emptyForm, formOf, missingOf, numberOf, problemsOf, requestOf } from "../core/session_form.js";

const text = words.startPage;
const TYPES = /** @type {const} */ (["backtest", "paper", "live", "collect"]);

/** @param {{query: URLSearchParams}} props */
export default function Start({ query }) {
  const strategies = useAnswer(() => get("/api/strategies").then((answer) => answer.strategies), []);
  const recordings = useAnswer(() => get("/api/data-collection/sessions?limit=200").then((answer) => answer.sessions), []);
  const like = query.get("like");
  const origin = useAnswer(() => like ? get(`/sessions/${encodeURIComponent(like)}`) : Promise.resolve(null), [like]);
  if (like && origin.answer === undefined && !origin.error) return html`<${Loading} rows=${6} />`;
  return html`<${Form} key=${like} first=${{ ...(origin.answer ? formOf(origin.answer.request) : emptyForm()), ...given(query) }} strategies=${strategies} recordings=${recordings} />`;
}

/** What a link to this page fixes. @param {URLSearchParams} query */
function given(query) {
  const list = (/** @type {string} */ name) => query.get(name)?.split(",").filter(Boolean);
  return Object.fromEntries(Object.entries({ type: query.get("type"), strategies: list("strategy"), symbols: list("symbols"), recording: query.get("recording") }).filter(([, value]) => value != null));
}

/** @param {any} props */
function Form({ first, strategies, recordings }) {
  const [form, setForm] = useState(/** @type {import("../core/session_form.js").SessionForm} */ (first));
  const [told, tell] = useState(/** @type {any[]} */ ([]));
  const [isStarting, setStarting] = useState(false);
  const [known, setKnown] = useState(/** @type {any} */ (null));
  const key = useRef(newKey());
  const isBusy = useRef(false);
  const me = useStore((state) => state.me);
  const health = useStore((state) => state.health);
  const change = (/** @type {Partial<typeof form>} */ changes) => {
    setForm((before) => ({ ...before, ...changes }));
    tell([]);
    // Another request is another start: it gets a key of its own.
    key.current = newKey();
  };
  const recording = recordings.answer?.find((/** @type {any} */ one) => one.session_id === form.recording);
  const request = useMemo(() => requestOf(form), [form]);
  const problems = useMemo(() => problemsOf(form, { me, recording, strategies: strategies.answer, health, known }), [form, me, recording, strategies.answer, health, known]);
  const all = [...told, ...problems];
  const isBlocked = problems.some((one) => one.kind === "error");
  const start = async () => {
    if (isBlocked || isBusy.current) return;
    isBusy.current = true;
    setStarting(true);
    try {
      const answer = await postOnce("/sessions/start", request, key.current);
      const started = answer.data ?? answer;
      (started.warnings ?? []).forEach((/** @type {string} */ warning) => notify("info", warning));
      key.current = newKey();
      go("/board/:id", { id: started.session_id });
    } catch (error) {
      if (isDecided(error)) key.current = newKey();
      tell(refusal(/** @type {any} */ (error)));
      setStarting(false);
      isBusy.current = false;
    }
  };
  return html`<${PageHead} title=${text.title} about=${text.about} />
    <div class="configure"><form class="stack" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <div class="types" role="group" aria-label=${text.type} id="field-session_type">${TYPES.map((type) => html`<button type="button" key=${type} class="type" aria-pressed=${String(form.type === type)} onClick=${() => change({ type })}>
        <strong class=${`mode-${type}`}>${words.modes[type]}</strong><span class="small quiet">${text.types[type]}</span></button>`)}</div>
      ${form.type !== "collect" && html`<${Strategies} of=${strategies} chosen=${form.strategies} onChange=${(/** @type {string[]} */ list) => change({ strategies: list, allocations: Object.fromEntries(Object.entries(form.allocations).filter(([id]) => list.includes(id))) })} />`}
      ${form.type === "backtest" && html`<${Recordings} of=${recordings} form=${form} onChange=${change} />`}
      <${Symbols} form=${form} recording=${form.type === "backtest" ? recording : null} onChange=${change} onKnown=${setKnown} />
      ${form.type !== "collect" && html`<${Budget} form=${form} currency=${currencyOf(form, recording)} onChange=${change} /><${Risk} form=${form} onChange=${change} />`}
      ${(form.type === "backtest" || form.type === "paper") && html`<${Execution} form=${form} onChange=${change} />`}
      ${form.type === "collect" && html`<${Collect} form=${form} onChange=${change} />`}
    </form>
    <div class="aside"><${Checks} list=${all} /><${Review} form=${form} request=${request} recording=${recording} onLoad=${change} />
      ${form.type === "live" && html`<${Panel} title=${text.liveTitle}><div class="stack tight"><p class="small quiet">${text.liveAbout}</p>
        <${Field} label=${text.sessionName}><input class="input" value=${form.name} onInput=${(/** @type {any} */ event) => change({ name: event.target.value })} /><//>
        <${Field} label=${text.confirm(form.name)} id="field-confirm_live"><input class="input" autocomplete="off" value=${form.confirm} onInput=${(/** @type {any} */ event) => change({ confirm: event.target.value })} /><//></div><//>`}
      <button type="button" class="button primary start" disabled=${isBlocked || isStarting} onClick=${start}>${isStarting ? text.starting : text.startAs[form.type]}</button>
      ${isBlocked && html`<p class="hint">${text.blocked}</p>`}</div></div>`;
}

/** A refusal of the daemon as checks, each with its field. @param {any} error */
function refusal(error) {
  const problems = error.problems ?? [];
  if (!problems.length) return [{ kind: "error", text: error.message, field: null }];
  return problems.map((/** @type {any} */ one) => ({ kind: "error", text: `${one.path || "request"} ${one.problem}`, field: one.path.split("/").filter(Boolean).pop() ?? null }));
}

/** @param {any} props */
function Budget({ form, currency, onChange }) {
  const cap = numberOf(form.cap);
  const shares = allocate(form);
  const used = shares.reduce((sum, one) => sum + (one.money ?? 0), 0);
  const leverage = 1;
  const money = (/** @type {number} */ value) => amount(value, currency);
  const allocated = text.allocated(money(used), money(cap ?? 0), money((cap ?? 0) - used));
  return html`<${Panel} title=${text.budget}><div class="stack">
    <div class="grid3"><${Field} label=${text.cap} hint=${text.capHint} id="field-global_cap"><${NumberInput} value=${form.cap} unit=${currency ?? ""} placeholder=${text.noLimit} onInput=${(/** @type {string} */ cap) => onChange({ cap })} /><//>
      <${Field} label=${text.balance} hint=${text.balanceHint} id="field-initial_balance"><${NumberInput} value=${form.balance} unit=${currency ?? ""} placeholder="10000" onInput=${(/** @type {string} */ balance) => onChange({ balance })} /><//>
      <${Field} label=${text.position} hint=${text.positionHint} id="field-max_position_size"><${NumberInput} value=${form.position} unit=${currency ?? ""} placeholder=${text.noLimit} onInput=${(/** @type {string} */ position) => onChange({ position })} /><//></div>
    ${cap != null && form.strategies.length > 0 && html`<div class="stack tight" id="field-allocations"><h3>${text.allocations}</h3>
      ${shares.map((one) => html`<div key=${one.id} class="allocation"><span>${one.id}</span>
        <span class="unit"><input class="input" aria-label=${text.allocationOf(one.id)} value=${form.allocations[one.id] ?? ""} placeholder=${text.rest}
          onInput=${(/** @type {any} */ event) => onChange({ allocations: { ...form.allocations, [one.id]: event.target.value } })} /><span class="tail">${currency ?? ""}</span></span>
        <span class="quiet right">${one.money == null ? "" : `${(100 * one.money / cap).toFixed(0)} %`}</span></div>`)}
      <div class=${`meter ${used > cap + 1e-9 ? "over" : ""}`} role="img" aria-label=${allocated}><i style=${{ width: `${Math.min(100, 100 * used / cap)}%` }}></i></div>
      <p class=${`small ${used > cap + 1e-9 ? "bad" : "quiet"}`}>${allocated}</p></div>`}
    ${cap != null && numberOf(form.stop) != null && !missingOf(form).length && html`<p class="small quiet">${text.worst(money(cap * leverage), money(cap * /** @type {number} */ (numberOf(form.stop)) / 100))}</p>`}
  </div><//>`;
}

/** @param {any} props */
function Risk({ form, onChange }) {
  return html`<${Panel} title=${text.risk}><div class="grid3">
    <${Field} label=${text.stop} hint=${text.stopHint} id="field-stop_loss_percent"><${NumberInput} value=${form.stop} unit="%" placeholder=${text.ofStrategy} onInput=${(/** @type {string} */ stop) => onChange({ stop })} /><//>
    <${Field} label=${text.take} hint=${text.takeHint} id="field-take_profit_percent"><${NumberInput} value=${form.take} unit="%" placeholder=${text.ofStrategy} onInput=${(/** @type {string} */ take) => onChange({ take })} /><//>
    <${Field} label=${text.limits} hint=${text.limitsHint} id="field-risk"><select class="input" value=${form.risk} onChange=${(/** @type {any} */ event) => onChange({ risk: event.target.value })}>
      <option value="default">${text.limitsOn}</option><option value="none" disabled=${form.type === "live"}>${text.limitsOff}</option></select><//></div><//>`;
}

/** @param {any} props */
function Execution({ form, onChange }) {
  const field = (/** @type {string} */ name, /** @type {string} */ path, /** @type {string} */ unit, /** @type {string} */ blank) => html`<${Field} label=${text.execution[name]} hint=${text.executionHints[name]} id=${`field-${path}`}>
    <${NumberInput} value=${form[name]} unit=${unit} placeholder=${blank} onInput=${(/** @type {string} */ value) => onChange({ [name]: value })} /><//>`;
  return html`<${Panel} title=${text.executionTitle} actions=${html`<span class="badge warn" title=${text.uncalibratedAbout}>${text.uncalibrated}</span>`}><div class="grid3">
    ${field("maker", "maker_pct", "%", text.ofContract)}${field("taker", "taker_pct", "%", text.ofContract)}${field("slippage", "slippage", "%", "0")}
    ${field("latency", "latency_ms", "ms", "80")}${field("seed", "seed", "", "0")}
    ${form.type === "backtest" && html`<${Field} label=${text.speed} hint=${text.speedHint} id="field-acceleration_factor"><select class="input" value=${form.speed} onChange=${(/** @type {any} */ event) => onChange({ speed: event.target.value })}>
      ${text.speeds.map(([value, name]) => html`<option key=${value} value=${value}>${name}</option>`)}</select><//>`}</div><//>`;
}

/** @param {any} props */
function Collect({ form, onChange }) {
  const kinds = Object.entries(text.dataTypes);
  return html`<${Panel} title=${text.collect}><div class="stack"><div class="row wide wrap" id="field-data_types">${kinds.map(([id, name]) => html`<label key=${id} class="check"><input type="checkbox" checked=${form.dataTypes.includes(id)}
      onChange=${() => onChange({ dataTypes: form.dataTypes.includes(id) ? form.dataTypes.filter((/** @type {string} */ one) => one !== id) : [...form.dataTypes, id] })} />${name}</label>`)}</div>
    <div class="grid3"><${Field} label=${text.duration} id="field-duration" hint=${text.durationHint}><select class="input" value=${form.duration} onChange=${(/** @type {any} */ event) => onChange({ duration: event.target.value })}>
      ${text.durations.map(([value, name]) => html`<option key=${value} value=${value}>${name}</option>`)}</select><//></div></div><//>`;
}

