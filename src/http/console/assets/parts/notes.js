// What people write about a result: name, notes, tags, pin; and deleting it.

import { html, useEffect, useState } from "../core/view.js";
import { get, put, remove } from "../core/api.js";
import { go } from "../core/router.js";
import { notify, useStore } from "../core/store.js";
import { noteWords as text } from "../core/words_pages.js";
import { Button, Confirm, Field, Panel, Time, useAnswer } from "./ui.js";

/** @param {{path: string}} props the result's address in the API */
export function Notes({ path }) {
  const mayWrite = useStore((state) => state.me?.role !== "viewer");
  const kept = useAnswer(() => get(`${path}/note`), [path]);
  const [form, fill] = useState(/** @type {any} */ (null));
  const [error, fail] = useState(/** @type {any} */ (null));
  const [isRemoving, ask] = useState(false);
  useEffect(() => { if (kept.answer) fill({ name: kept.answer.name ?? "", notes: kept.answer.notes, tags: kept.answer.tags.join(", ") }); }, [kept.answer]);
  if (!kept.answer || !form) return null;
  const { pinned, updated_at: at, updated_by: by } = kept.answer;
  const tags = form.tags.split(",").map((/** @type {string} */ tag) => tag.trim()).filter(Boolean);
  const isChanged = form.name !== (kept.answer.name ?? "") || form.notes !== kept.answer.notes || JSON.stringify(tags) !== JSON.stringify(kept.answer.tags);
  const save = async (/** @type {any} */ change) => {
    try { await put(`${path}/note`, change); fail(null); notify("good", text.saved); kept.again(); } catch (refused) { fail(refused); }
  };
  const set = (/** @type {string} */ field) => (/** @type {any} */ event) => fill({ ...form, [field]: event.target.value });
  const problem = (/** @type {string} */ field) => error?.problems?.find((/** @type {any} */ one) => one.path.startsWith(`/${field}`))?.problem;
  return html`<${Panel} title=${text.title} actions=${html`${at && html`<span class="small faint">${by}, <${Time} value=${at} what="minute" /></span>`}
      ${mayWrite && html`<${Button} small onClick=${() => save({ pinned: !pinned })}>${pinned ? text.unpin : text.pin}<//>
        <${Button} small kind="danger" disabled=${pinned} title=${pinned ? text.pinned : undefined} onClick=${() => ask(true)}>${text.remove}<//>`}`}>
    <form class="stack tight" onSubmit=${(/** @type {Event} */ event) => { event.preventDefault(); save({ name: form.name, notes: form.notes, tags }); }}>
      <div class="grid2"><${Field} label=${text.name} problem=${problem("name")}><input class="input" disabled=${!mayWrite} value=${form.name} onInput=${set("name")} /><//>
        <${Field} label=${text.tags} problem=${problem("tags")}><input class="input" disabled=${!mayWrite} value=${form.tags} onInput=${set("tags")} /><//></div>
      <${Field} label=${text.notes} problem=${problem("notes")}><textarea class="input" rows="2" disabled=${!mayWrite} value=${form.notes} onInput=${set("notes")}></textarea><//>
      ${isChanged && html`<div class="row"><span class="grow"></span><${Button} kind="primary" type="submit">${text.save}<//></div>`}</form>
    ${isRemoving && html`<${Confirm} title=${text.removeTitle} about=${text.removeAbout} action=${text.remove} danger onClose=${() => ask(false)} onYes=${async () => { await remove(path); go("/results"); }} />`}<//>`;
}
