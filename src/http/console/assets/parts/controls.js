// What a user can do to a running session. Controls that the daemon does not offer are not shown.

import { html, useEffect, useState } from "../core/view.js";
import { get, post } from "../core/api.js";
import { isRunning, mayRun } from "../core/live.js";
import { notify, useStore } from "../core/store.js";
import { short } from "../core/format.js";
import { words } from "../core/words.js";
import { Button, Confirm, Dialog } from "./ui.js";

const text = words.controls;

/** @type {Promise<any>|null} */
let paths = null;

/** Paths of the daemon's API, asked once. */
export function usePaths() {
  const [known, know] = useState(/** @type {Record<string, any>} */ ({}));
  useEffect(() => {
    paths ??= get("/openapi.json").then((document) => document.paths);
    paths.then(know, () => { paths = null; });
  }, []);
  return known;
}

/** @param {{session: any}} props */
export function Controls({ session }) {
  const known = usePaths();
  const me = useStore((state) => state.me);
  const entries = useStore((state) => state.now[session.session_id]?.account?.entries?.status);
  const [asked, ask] = useState("");
  if (!isRunning(session) || !["paper", "live"].includes(session.session_type) || !mayRun(me, session)) return null;
  const offered = [entries === "paused" ? "resume" : "pause", "cancel", "flatten"].filter((one) => known[`/sessions/{id}/${one}`]);
  const act = async () => {
    const done = await post(`/sessions/${encodeURIComponent(session.session_id)}/${asked}`);
    const problem = text.unfinished(done);
    notify(problem ? "bad" : "good", problem || text.done[asked]);
  };
  return html`${offered.map((one) => html`<${Button} key=${one} kind=${one === "flatten" ? "danger" : ""} onClick=${() => ask(one)}>${text.names[one]}<//>`)}
    ${asked && html`<${Confirm} title=${text.titles[asked]} about=${text.about[asked]} action=${text.names[asked]} danger=${asked === "flatten"} onYes=${act} onClose=${() => ask("")} />`}`;
}

/** Closes a position fully or partly. @param {{session: any, position: any}} props */
export function ClosePosition({ session, position }) {
  const known = usePaths();
  const me = useStore((state) => state.me);
  const [isOpen, open] = useState(false);
  const [part, setPart] = useState(100);
  const [error, setError] = useState("");
  if (!known["/sessions/{id}/positions/{symbol}/close"] || !mayRun(me, session)) return null;
  const close = async () => {
    try {
      await post(`/sessions/${encodeURIComponent(session.session_id)}/positions/${encodeURIComponent(position.symbol)}/close`, { side: position.side, strategy: position.strategy_id, fraction: part / 100 });
      open(false);
    } catch (refused) { setError(/** @type {Error} */ (refused).message); }
  };
  return html`<div class="row"><span class="grow"></span><${Button} small onClick=${() => open(true)}>${text.close}<//></div>
    ${isOpen && html`<${Dialog} title=${text.closeTitle(position.symbol)} onClose=${() => open(false)}>
      <label class="field"><span>${text.share}: ${part} % (${short(position.quantity * part / 100, 8)})</span>
        <input type="range" min="5" max="100" step="5" value=${part} onInput=${(/** @type {any} */ event) => setPart(Number(event.target.value))} /></label>
      <p class="quiet">${text.closeAbout}</p>${error && html`<p class="callout bad" role="alert">${error}</p>`}
      <div class="row"><span class="grow"></span><${Button} onClick=${() => open(false)}>${words.cancel}<//><${Button} kind="danger" onClick=${close}>${text.close}<//></div><//>`}`;
}
