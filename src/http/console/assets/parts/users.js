// Users with their roles, and the logins that are still good.

import { html, useState } from "../core/view.js";
import { get, post, put, remove } from "../core/api.js";
import { notify, useStore } from "../core/store.js";
import { operationsWords, } from "../core/words_pages.js";
import { Badge, Button, Confirm, Dialog, Empty, Field, Loaded, Panel, Time, useAnswer } from "./ui.js";
import { Table } from "./table.js";

const text = operationsWords.users;
const roles = operationsWords.roles;
const ACTIONS = html`<span class="hidden-label">${text.actions}</span>`;

export function Users() {
  const me = useStore((state) => state.me?.username);
  const all = useAnswer(() => get("/api/users"), []);
  const [dialog, open] = useState(/** @type {any} */ (null));
  const close = () => open(null);
  const done = (/** @type {string} */ message) => { notify("good", message); close(); all.again(); };
  const columns = [
    { name: text.name, of: (/** @type {any} */ row) => html`<b>${row.username}</b> ${row.username === me && html`<${Badge}>${text.you}<//>`}`, sort: (/** @type {any} */ row) => row.username },
    { name: text.role, of: (/** @type {any} */ row) => html`${row.role} <span class="small quiet">${roles[row.role]}</span>`, sort: (/** @type {any} */ row) => row.role },
    { name: text.state, of: (/** @type {any} */ row) => html`<${Badge} kind=${row.disabled ? "bad" : "good"}>${row.disabled ? text.disabled : text.enabled}<//>` },
    { name: text.created, of: (/** @type {any} */ row) => html`<${Time} value=${row.created_at} what="minute" />`, sort: (/** @type {any} */ row) => row.created_at },
    { name: ACTIONS, class: "right", of: (/** @type {any} */ row) => html`<span class="row"><span class="grow"></span><${Button} small onClick=${() => open({ kind: "logins", user: row })}>${operationsWords.tabs.logins}<//>
      <${Button} small onClick=${() => open({ kind: "change", user: row })}>${text.change}<//><${Button} small kind="plain" onClick=${() => open({ kind: "remove", user: row })}>${text.remove}<//></span>` },
  ];
  return html`<${Panel} title=${text.title} count=${all.answer?.total_count} flush actions=${html`<${Button} small kind="primary" onClick=${() => open({ kind: "add" })}>${text.add}<//>`}>
      <${Loaded} of=${all}>${(/** @type {any} */ answer) => html`<${Table} label=${text.title} columns=${columns} rows=${answer.users} keyOf=${(/** @type {any} */ row) => row.username} />`}<//><//>
    ${dialog?.kind === "add" && html`<${UserForm} onClose=${close} onDone=${() => done(text.added)} />`}
    ${dialog?.kind === "change" && html`<${UserForm} user=${dialog.user} onClose=${close} onDone=${() => done(text.changed)} />`}
    ${dialog?.kind === "logins" && html`<${Dialog} title=${`${operationsWords.logins.of} ${dialog.user.username}`} onClose=${close}><${LoginList} path=${`/api/users/${encodeURIComponent(dialog.user.username)}/logins`} /><//>`}
    ${dialog?.kind === "remove" && html`<${Confirm} title=${text.removeTitle(dialog.user.username)} about=${text.removeAbout} action=${text.remove} danger onClose=${close}
      onYes=${async () => { await remove(`/api/users/${encodeURIComponent(dialog.user.username)}`); all.again(); }} />`}`;
}

/** @param {{user?: any, onClose: () => void, onDone: () => void}} props */
function UserForm({ user, onClose, onDone }) {
  const [form, fill] = useState({ username: "", password: "", role: user?.role ?? "viewer", disabled: user?.disabled ?? false });
  const [error, fail] = useState(/** @type {any} */ (null));
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => fill({ ...form, [name]: event.target.type === "checkbox" ? event.target.checked : event.target.value });
  const problem = (/** @type {string} */ name) => error?.problems?.find((/** @type {any} */ one) => one.path === `/${name}`)?.problem;
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      if (user) await put(`/api/users/${encodeURIComponent(user.username)}`, { role: form.role, disabled: form.disabled, ...(form.password ? { password: form.password } : {}) });
      else await post("/api/users", { username: form.username, password: form.password, role: form.role });
      onDone();
    } catch (refused) { fail(refused); }
  };
  return html`<${Dialog} title=${user ? `${text.change}: ${user.username}` : text.add} onClose=${onClose}><form class="stack" onSubmit=${save}>
    ${!user && html`<${Field} label=${text.name} problem=${problem("username")}><input class="input" autocomplete="off" value=${form.username} onInput=${set("username")} /><//>`}
    <${Field} label=${text.role} hint=${roles[form.role]}><select class="input" value=${form.role} onChange=${set("role")}>${Object.keys(roles).map((role) => html`<option key=${role} value=${role}>${role}</option>`)}</select><//>
    <${Field} label=${user ? text.newPassword : text.password} hint=${text.hint} problem=${problem("password")}><input class="input" type="password" autocomplete="new-password" value=${form.password} onInput=${set("password")} /><//>
    ${user && html`<label class="check"><input type="checkbox" checked=${form.disabled} onChange=${set("disabled")} />${text.disabled}</label>`}
    ${error && html`<div class="callout bad" role="alert">${error.message}</div>`}
    <div class="row"><span class="grow"></span><${Button} onClick=${onClose}>${"Cancel"}<//><${Button} kind="primary" type="submit">${user ? text.change : text.add}<//></div></form><//>`;
}

/** The caller's own logins. */
export const Logins = () => html`<${Panel} title=${operationsWords.logins.mine} flush><${LoginList} path="/api/v1/auth/logins" hasAll /><//>`;

/** @param {{path: string, hasAll?: boolean}} props */
function LoginList({ path, hasAll }) {
  const words = operationsWords.logins;
  const all = useAnswer(() => get(path), [path]);
  const end = async (/** @type {any[]} */ list) => {
    for (const one of list) await remove(`/api/v1/auth/logins/${encodeURIComponent(one.login_id)}`);
    notify("good", words.ended);
    all.again();
  };
  const columns = [
    { name: words.since, of: (/** @type {any} */ row) => html`<${Time} value=${row.created_at} /> ${row.current && html`<${Badge} kind="good">${words.current}<//>`}` },
    { name: words.until, of: (/** @type {any} */ row) => html`<${Time} value=${row.expires_at} what="minute" />` },
    { name: ACTIONS, class: "right", of: (/** @type {any} */ row) => row.current ? null : html`<${Button} small kind="danger" onClick=${() => end([row])}>${words.end}<//>` },
  ];
  return html`<${Loaded} of=${all}>${(/** @type {any} */ answer) => html`<${Table} label=${words.mine} columns=${columns} rows=${answer.logins} keyOf=${(/** @type {any} */ row) => row.login_id} empty=${html`<${Empty} title=${words.none} />`} />
    ${hasAll && answer.logins.length > 1 && html`<div class="state"><${Button} onClick=${() => end(answer.logins.filter((/** @type {any} */ one) => !one.current))}>${words.endOthers}<//></div>`}`}<//>`;
}
