// The public API for pages: logs in with cookies, fetches CSRF tokens, keeps the WebSocket open.

let csrf = null;

/** A refusal of the daemon: code, sentence and, where there are some, problems with their places. */
export class Refused extends Error {
  constructor(status, body) {
    const message = body?.error_message ?? `the daemon answered ${status}`;
    // The sentence tells the problems that fit.
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
  try { json = JSON.parse(text); } catch { /* a proxy's page, not an answer of the daemon */ }
  if (!response.ok) throw new Refused(response.status, json);
  return json?.type === "response" ? json.data : json;
}

const ENTRANCES = ["/api/v1/auth/login", "/api/v1/auth/setup", "/api/v1/auth/refresh"];

/** Asks; renews the login once when its access token has expired, and the CSRF token when that has. */
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

/** As `post`, for what must happen once however often it is sent. */
export const postOnce = (path, body, key) => ask("POST", path, body, key);

/** A key for `postOnce`; unlike randomUUID it can also be made on a page that came over plain HTTP. */
export const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

export async function renewCsrf() {
  csrf = (await send("GET", "/csrf-token")).token;
}

/** Listens to streams for as long as the page is open; connects again, later each time, when the socket drops. */
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
