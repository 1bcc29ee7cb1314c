// The last lines of the daemon's log, followed while the page is visible.

import { html, useEffect, useRef, useState } from "../core/view.js";
import { get } from "../core/api.js";
import { operationsWords } from "../core/words_pages.js";
import { Badge, Empty, Failed, Panel, Segments, Time } from "./ui.js";

const text = operationsWords.log;
const READ_MS = 1500;
const KEPT = 1000;
const KINDS = /** @type {Record<string, string>} */ ({ ERROR: "bad", WARN: "warn", INFO: "", DEBUG: "" });
const OWN = ["seq", "timestamp", "level", "message", "target", "cut"];

export function Log() {
  const [level, choose] = useState("info");
  const [isFollowing, follow] = useState(true);
  const [query, search] = useState("");
  const { lines, dropped, error } = useLines(level, isFollowing);
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => { if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight; }, [lines, isFollowing]);
  const found = lines.filter((line) => !query || JSON.stringify(line).toLowerCase().includes(query.toLowerCase()));
  return html`<${Panel} title=${text.title} count=${found.length} flush actions=${html`
      <input class="input search" type="search" placeholder=${text.search} aria-label=${text.search} value=${query} onInput=${(/** @type {any} */ event) => search(event.target.value)} />
      <${Segments} label=${text.level} value=${level} options=${text.levels} onChange=${choose} />
      <label class="check"><input type="checkbox" checked=${isFollowing} onChange=${(/** @type {any} */ event) => follow(event.target.checked)} />${text.follow}</label>`}>
    ${dropped > 0 && html`<p class="small faint state">${text.dropped(dropped)}</p>`}
    ${error && html`<${Failed} error=${error} />`}
    ${found.length ? html`<ol class="log-lines" ref=${box} tabindex="0" aria-label=${text.title}>${found.map((line) => html`<li key=${line.seq} class=${String(line.level).toLowerCase()}>
      <${Time} value=${line.timestamp} what="time" /><${Badge} kind=${KINDS[line.level] ?? ""}>${line.level}<//>
      <span class="text"><b>${line.message}</b> ${Object.entries(line).filter(([name]) => !OWN.includes(name)).map(([name, value]) => html`<span class="quiet" key=${name}>${name}=<span class="mono">${typeof value === "string" ? value : JSON.stringify(value)}</span> </span>`)}
        <span class="faint small">${line.target}</span></span></li>`)}</ol>` : html`<${Empty} title=${text.none} />`}<//>`;
}

/** Lines from the newest known on. @param {string} level @param {boolean} isFollowing */
function useLines(level, isFollowing) {
  const [held, hold] = useState(/** @type {{lines: any[], dropped: number, error: any}} */ ({ lines: [], dropped: 0, error: null }));
  const last = useRef(0);
  useEffect(() => { last.current = 0; hold({ lines: [], dropped: 0, error: null }); }, [level]);
  useEffect(() => {
    let isWanted = true;
    const read = async () => {
      if (document.hidden || !isWanted) return;
      try {
        const answer = await get(`/api/log?limit=${KEPT}&level=${level}&after=${last.current}`);
        if (!isWanted) return;
        const isFirst = last.current === 0;
        // Numbers begin again with the daemon.
        if (answer.last_seq < last.current) {
          last.current = 0;
          hold({ lines: [], dropped: 0, error: null });
          return;
        }
        last.current = answer.last_seq;
        hold((before) => ({ lines: [...before.lines, ...answer.lines].slice(-KEPT), dropped: isFirst ? answer.dropped : before.dropped, error: null }));
      } catch (error) { if (isWanted) hold((before) => ({ ...before, error })); }
    };
    read();
    const timer = isFollowing ? setInterval(read, READ_MS) : undefined;
    return () => { isWanted = false; clearInterval(timer); };
  }, [level, isFollowing]);
  return held;
}
