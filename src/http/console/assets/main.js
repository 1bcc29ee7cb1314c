// Starts the console: who is here, then the frame with the page of the address.

import { html, render, useEffect, useState } from "./core/view.js";
import { Refused, get, post, renewCsrf, whenLoginIsLost } from "./core/api.js";
import { applyPreferences, set, state, useStore } from "./core/store.js";
import { begin } from "./core/live.js";
import { close } from "./core/socket.js";
import { listenForKeys } from "./core/keys.js";
import { PAGES } from "./core/pages.js";
import { pageOf, route } from "./core/router.js";
import { words } from "./core/words.js";
import { Frame } from "./parts/frame.js";
import { Failed, Loading, PageHead } from "./parts/ui.js";
import { Entrance } from "./pages/entrance.js";

async function enter() {
  try {
    const me = await get("/api/v1/auth/me");
    await renewCsrf();
    set({ me, entered: "yes" });
    begin();
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 401) throw error;
    const setup = await get("/api/v1/auth/setup");
    set({ me: null, entered: "no", setupNeeded: setup.needed });
  }
}

async function leave() {
  try { await post("/api/v1/auth/logout"); } catch { /* the login may have ended already */ }
  location.reload();
}

/** The page of the address; its module is loaded when it is first shown. */
function Page() {
  const { name, params, query } = useStore((of) => of.route);
  const [shown, show] = useState(/** @type {any} */ ({ name: "", part: null, error: null }));
  useEffect(() => {
    const page = pageOf(name);
    document.title = page ? `${page.title} · ${words.product}` : words.product;
    // A module that arrives after the user went on must not take the place of the page of the address.
    let isWanted = true;
    const showPart = (/** @type {any} */ part, /** @type {any} */ error) => { if (isWanted) show({ name, part, error }); };
    if (page) page.load().then((module) => showPart(module.default, null), (error) => showPart(null, error));
    return () => { isWanted = false; };
  }, [name]);
  if (name === "unknown") return html`<${PageHead} title=${words.unknownPage[0]} about=${words.unknownPage[1]} />`;
  if (shown.name !== name) return html`<${Loading} rows=${6} />`;
  if (shown.error) return html`<${Failed} error=${shown.error} retry=${() => location.reload()} />`;
  return html`<${shown.part} ...${params} query=${query} />`;
}

function App() {
  const entered = useStore((of) => of.entered);
  const isSetup = useStore((of) => of.setupNeeded);
  const [isLost, lose] = useState(false);
  useEffect(() => whenLoginIsLost(() => {
    close();
    // A first visitor had no login that could end.
    if (state.me) lose(true);
    set({ me: null, entered: "no" });
  }), []);
  if (entered === "no") return html`<${Entrance} isSetup=${isSetup} isLost=${isLost} onEntered=${enter} />`;
  if (!state.me) return html`<${Loading} rows=${6} />`;
  return html`<${Frame} onLogout=${leave}><${Page} /><//>`;
}

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
applyPreferences();
listenForKeys();
route(PAGES);
render(html`<${App} />`, root);
enter().catch((error) => render(html`<${Failed} error=${error} retry=${() => location.reload()} />`, root));
