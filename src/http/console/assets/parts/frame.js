// The frame around every page: mode, money and feed of the session in focus, the link, emergency stop, navigation.

import { html, useEffect, useRef, useState } from "../core/view.js";
import { get, post } from "../core/api.js";
import { address, navigation } from "../core/router.js";
import { closeNotice, notify, prefer, useStore } from "../core/store.js";
import { focusOf, isRunning, useSession } from "../core/live.js";
import { duration, number, shortId, zoneName } from "../core/format.js";
import { words } from "../core/words.js";
import { Button, Dialog, Icon, Pnl, Segments, StatusBadge, useTick, partKind } from "./ui.js";

/** @param {{children?: any, onLogout: () => void}} props */
export function Frame({ children, onLogout }) {
  const [shown, show] = useState("");
  const route = useStore((state) => state.route);
  useEffect(() => {
    const opened = (/** @type {any} */ event) => show(event.detail);
    addEventListener("frame", opened);
    return () => removeEventListener("frame", opened);
  }, []);
  return html`<div class="frame">
    <header class="top"><${Strip} show=${show} onLogout=${onLogout} /><${LinkBanner} /></header>
    <nav class="side" aria-label="Pages">
      ${navigation().map((page) => html`<a key=${page.path} href=${address(page.path)} aria-current=${isCurrent(page.path, route.name) ? "page" : undefined}>
        <${Icon} name=${/** @type {any} */ (page.nav).icon} />${words.nav[/** @type {keyof typeof words.nav} */ (page.nav?.label)]}</a>`)}
      <p class="foot">${words.frame.charts}</p>
    </nav>
    <main class="main" id="main">${children}</main>
    <${Notices} />
    ${shown === "keys" && html`<${Keys} onClose=${() => show("")} />`}
    ${shown === "stop" && html`<${Dialog} title=${words.frame.emergency} onClose=${() => show("")}>
      <p class="quiet">${words.frame.emergencyAbout}</p><${StopButton} /><//>`}
    ${shown === "alerts" && html`<${Alerts} onClose=${() => show("")} />`}
  </div>`;
}

const isCurrent = (/** @type {string} */ path, /** @type {string} */ name) =>
  path === name || (path !== "/" && name.startsWith(`${path}/`)) || (path === "/" && name.startsWith("/board/")) || (path === "/results" && name === "/compare");

/** @param {{show: (what: string) => void, onLogout: () => void}} props */
function Strip({ show, onLogout }) {
  const session = useStore(focusOf);
  const me = useStore((state) => state.me);
  const theme = useStore((state) => state.preferences.theme);
  useStore((state) => state.preferences.zone);
  const alerts = useAlerts().length;
  return html`<div class="strip">
    <a class="brand" href="#/"><img src="/console/icon.svg" alt="" /><b>${words.product}</b></a>
    <${Figures} session=${session} />
    <span class="spring"></span>
    <${LinkState} />
    <div class="tools">
      <button class="button plain icon" type="button" aria-label=${`${words.frame.alerts}: ${alerts}`} title=${words.frame.alerts} onClick=${() => show("alerts")}>
        <${Icon} name="bell" /></button>${alerts > 0 && html`<span class="badge warn">${alerts}</span>`}
      <button class="button plain small" type="button" aria-label=${words.frame.zone} title=${words.frame.zone}
        onClick=${() => prefer({ zone: zoneName() === "UTC" ? "local" : "utc" })}>${zoneName()}</button>
      <button class="button plain icon" type="button" aria-label=${words.frame.theme} title=${words.frame.theme}
        onClick=${() => prefer({ theme: theme === "dark" ? "light" : "dark" })}><${Icon} name=${theme === "dark" ? "sun" : "moon"} /></button>
      <button class="button plain icon wide-only" type="button" aria-label=${words.frame.help} title="?" onClick=${() => show("keys")}><${Icon} name="help" /></button>
      <button class="button plain icon" type="button" aria-label=${words.frame.logout} title=${`${me?.username} (${me?.role}) · ${words.frame.logout}`} onClick=${onLogout}><${Icon} name="out" /></button>
    </div>
    <${StopButton} />
  </div>`;
}

/** @param {{session: import("../core/types.js").Session|null}} props */
function Figures({ session }) {
  useSession(session?.session_id);
  const now = useStore((state) => session ? state.now[session.session_id] : undefined);
  const running = useStore((state) => Object.values(state.sessions).filter(isRunning).length);
  if (!session) return html`<div class="figures"><span class="quiet">${words.frame.none}</span></div>`;
  const account = now?.account;
  const ages = (now?.states?.feeds ?? []).map((/** @type {any} */ feed) => feed.age_seconds).filter((/** @type {any} */ age) => age != null);
  const figure = (/** @type {string} */ label, /** @type {any} */ value, /** @type {string} */ name = "") =>
    html`<div class=${`figure ${name}`}><span class="label">${label}</span><span class="value">${value}</span></div>`;
  return html`<div class="figures">
    <a class="row" href=${address("/board/:id", { id: session.session_id })} title=${session.session_id}>
      <span class=${`badge mode ${session.session_type}`}>${words.modes[session.session_type]}</span></a>
    ${figure(`${shortId(session.session_id)}${running > 1 ? ` · ${running} ${words.frame.sessions}` : ""}`, html`<${StatusBadge} status=${session.status} />`)}
    ${account && figure(`${words.frame.equity} ${account.currency ?? ""}`, number(account.equity))}
    ${account && figure(words.frame.open, html`<${Pnl} value=${account.open_pnl} />`)}
    ${account && figure(words.frame.day, html`<${Pnl} value=${account.day_pnl} />`)}
    ${ages.length > 0 && isRunning(session) && figure(words.frame.feed, html`<span class=${Math.max(...ages) > 10 ? "warn" : ""}>${duration(Math.max(...ages))}</span>`, "later")}
  </div>`;
}

function LinkState() {
  const link = useStore((state) => state.link);
  const kind = { connected: "good", connecting: "quiet", stale: "warn", offline: "bad" }[link.status];
  return html`<span class=${`linkstate ${kind}`} role="status" aria-live="polite" data-link=${link.status}><i class="dot"></i><span class="words">${words.frame[link.status]}</span></span>`;
}

/** Says that what is shown is old, and how old. */
function LinkBanner() {
  const link = useStore((state) => state.link);
  useTick(500);
  if (link.status === "connected" || link.heardAt === 0) return null;
  const age = duration(Math.max(0, Math.round((Date.now() - link.heardAt) / 1000)));
  return html`<div class=${`banner ${link.status === "offline" ? "bad" : ""}`} role="alert"><${Icon} name="warning" />
    ${link.status === "offline" ? words.frame.offlineBanner(age) : words.frame.staleBanner(age)}</div>`;
}

const HOLD_MS = 1000;

/** Acts after it was held for a second, by mouse, finger or key. */
export function StopButton() {
  const [isHeld, hold] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const timer = useRef(/** @type {any} */ (null));
  const begin = () => {
    if (isHeld || isBusy) return;
    hold(true);
    timer.current = setTimeout(async () => { hold(false); setBusy(true); await stopAll(); setBusy(false); }, HOLD_MS);
  };
  const end = () => { clearTimeout(timer.current); hold(false); };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === " " || event.key === "Enter") { event.preventDefault(); begin(); }
  };
  return html`<button type="button" class=${`stop ${isHeld ? "held" : ""}`} title=${words.frame.stopTitle} disabled=${isBusy}
    onPointerDown=${begin} onPointerUp=${end} onPointerLeave=${end} onPointerCancel=${end} onKeyDown=${key} onKeyUp=${end} onBlur=${end}
    onContextMenu=${(/** @type {Event} */ event) => event.preventDefault()}><i></i><span>${isBusy ? words.frame.stopping : words.frame.stop}</span></button>`;
}

/** Flattens every live and paper session, and tells which of them the daemon did not see flat. */
async function stopAll() {
  try {
    const { sessions } = await get("/sessions/execution-status");
    const of = (/** @type {string} */ type) => sessions.filter((/** @type {any} */ one) => one.session_type === type);
    const all = of("live").length ? [post("/api/control/flatten").then((answer) => answer.sessions)] : [];
    const acts = [...all, ...of("paper").map((/** @type {any} */ session) => flatten(session).then((done) => [done]))];
    const told = await Promise.allSettled(acts);
    const refused = told.flatMap((act) => act.status === "rejected" ? [act.reason.message] : []);
    const done = told.flatMap((act) => act.status === "fulfilled" ? act.value : []);
    const problems = [...refused, ...done.map(words.controls.unfinished).filter(Boolean)];
    if (problems.length) notify("bad", problems.join("\n")); else notify("good", words.frame.stopped(done.length));
  } catch (error) {
    notify("bad", /** @type {Error} */ (error).message);
  }
}

const flatten = (/** @type {any} */ session) => post(`/sessions/${encodeURIComponent(session.session_id)}/flatten`);

function Notices() {
  const notices = useStore((state) => state.notices);
  return html`<div class="notices" role="status" aria-live="polite">${notices.map((one) => html`<div key=${one.id} class=${`notice ${one.kind}`}>
    <span class="grow">${one.text}</span><button type="button" aria-label=${words.close} onClick=${() => closeNotice(one.id)}>✕</button></div>`)}</div>`;
}

/** Alerts of running sessions, and what the daemon says of itself, newest first. */
function useAlerts() {
  const events = useStore((state) => state.events);
  const sessions = useStore((state) => state.sessions);
  const health = useStore((state) => state.health);
  /** @type {{at: string|null, where: string, text: string}[]} */
  const all = [];
  for (const [id, log] of Object.entries(events)) {
    if (!isRunning(sessions[id])) continue;
    for (const event of log.list.slice(-500)) {
      if (event.event === "alert") all.push({ at: event.timestamp, where: event.symbol ?? id, text: event.message ?? event.warning ?? event.reason ?? event.kind });
      if (event.event === "feed_gap") all.push({ at: event.timestamp, where: event.symbol ?? id, text: `gap in the data: ${event.cause}` });
    }
  }
  for (const [part, told] of Object.entries(health ?? {})) {
    if (told?.status && ["warn", "bad"].includes(partKind(told.status))) all.push({ at: null, where: part, text: told.reason ?? told.status });
  }
  return all.reverse().slice(0, 50);
}

/** @param {{onClose: () => void}} props */
function Alerts({ onClose }) {
  const alerts = useAlerts();
  return html`<${Dialog} title=${words.frame.alerts} onClose=${onClose}>
    ${alerts.length === 0 ? html`<p class="quiet">${words.frame.noAlerts}</p>` : html`<ul class="stack tight">${alerts.map((one, n) => html`<li key=${n} class="row">
      <span class="badge warn">${one.where}</span><span class="grow">${one.text}</span></li>`)}</ul>`}<//>`;
}

/** Every page of the navigation has its key after `g`. @returns {[string, string][]} */
const pageKeys = () => navigation().map((page) => [`g ${page.nav?.key}`, words.nav[/** @type {keyof typeof words.nav} */ (page.nav?.label)]]);

/** @param {{onClose: () => void}} props */
function Keys({ onClose }) {
  const colours = useStore((state) => state.preferences.colours);
  return html`<${Dialog} title=${words.keys.title} onClose=${onClose}>
  <dl class="pairs">${[...pageKeys(), ...words.keys.list].map(([key, what]) => html`<dt key=${key}><span class="badge mono">${key}</span></dt><dd>${what}</dd>`)}</dl>
  <div class="row wrap"><span class="grow quiet">${words.frame.colours}</span><${Segments} label=${words.frame.colours} value=${colours} options=${words.frame.palettes} onChange=${(/** @type {string} */ value) => prefer({ colours: value })} /></div>
  <${Button} onClick=${onClose}>${words.close}<//><//>`;
}

