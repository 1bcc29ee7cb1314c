// Client of the public API: logs in with cookies, fetches CSRF tokens, keeps the WebSocket open.

let csrf = null;

/** An error response: code, message and, if any, problems with their paths. */
export class Refused extends Error {
  constructor(status, body) {
    const message = body?.error_message ?? `the daemon answered ${status}`;
    // The message already contains the first problems.
    const rest = (body?.details?.problems ?? []).filter(({ problem }) => !message.includes(problem));
    super([message, ...rest.map(({ path, problem }) => `${path || "request"}: ${problem}`)].join("\n"));
    this.status = status;
    this.code = body?.error_code;
  }
}

async function send(method, path, body, key) {
  const headers = {};
  if (key) headers["Idempotency-Key"] = key;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await response.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* a proxy's page, not a response of the daemon */ }
  if (!response.ok) throw new Refused(response.status, json);
  return json?.type === "response" ? json.data : json;
}

const ENTRANCES = ["/api/v1/auth/login", "/api/v1/auth/setup", "/api/v1/auth/refresh"];

/** Sends a request; renews an expired access token or CSRF token once and retries. */
export async function ask(method, path, body, key) {
  if (method !== "GET" && !csrf && !ENTRANCES.includes(path)) await renewCsrf();
  try {
    return await send(method, path, body, key);
  } catch (error) {
    if (ENTRANCES.includes(path)) throw error;
    if (error.code === "authentication_required") await send("POST", "/api/v1/auth/refresh");
    else if (!error.code?.startsWith("csrf_")) throw error;
    await renewCsrf();
    return send(method, path, body, key);
  }
}

export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);

/** Like `post`, idempotent: retries with the same key take effect once. */
export const postOnce = (path, body, key) => ask("POST", path, body, key);

/** A key for `postOnce`. randomUUID is not available on pages served over plain HTTP. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export async function renewCsrf() {
  csrf = (await send("GET", "/csrf-token")).token;
}

/** Subscribes to streams while the page is open; reconnects with increasing delay. */
export function listen(streams, onMessage, onLink) {
  let wait = 500;
  const open = () => {
    const socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`);
    socket.onopen = () => {
      wait = 500;
      onLink("connected");
      for (const stream of streams) socket.send(JSON.stringify({ type: "subscribe", id: stream, stream }));
    };
    socket.onmessage = (message) => onMessage(JSON.parse(message.data));
    socket.onclose = async (event) => {
      onLink("not connected");
      if (event.code === 4401) {
        try { await send("POST", "/api/v1/auth/refresh"); await renewCsrf(); } catch { return; }
      }
      setTimeout(open, wait);
      wait = Math.min(wait * 2, 15000);
    };
  };
  open();
}
