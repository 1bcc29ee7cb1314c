// What a user can do to a running session.

import { html, useState } from "../core/view.js";
import { post } from "../core/api.js";
import { isRunning, mayRun } from "../core/live.js";
import { notify, useStore } from "../core/store.js";
import { words } from "../core/words.js";
import { Button, Confirm } from "./ui.js";

const text = words.controls;

/** @param {{session: any}} props */
export function Controls({ session }) {
  const me = useStore((state) => state.me);
  const entries = useStore((state) => state.now[session.session_id]?.account?.entries?.status);
  const [asked, ask] = useState("");
  if (!isRunning(session) || !["paper", "live"].includes(session.session_type) || !mayRun(me, session)) return null;
  const offered = [entries === "paused" ? "resume" : "pause", "cancel", "flatten"];
  const act = async () => {
    const done = await post(`/sessions/${encodeURIComponent(session.session_id)}/${asked}`);
    const problem = text.unfinished(done);
    notify(problem ? "bad" : "good", problem || text.done[asked]);
  };
  return html`${offered.map((one) => html`<${Button} key=${one} kind=${one === "flatten" ? "danger" : ""} onClick=${() => ask(one)}>${text.names[one]}<//>`)}
    ${asked && html`<${Confirm} title=${text.titles[asked]} about=${text.about[asked]} action=${text.names[asked]} danger=${asked === "flatten"} onYes=${act} onClose=${() => ask("")} />`}`;
}
