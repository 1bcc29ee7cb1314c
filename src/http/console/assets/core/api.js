// Client of the public REST API: cookies, CSRF tokens, one renewal of an expired login for all tabs.

/** An error response: code, message, and problems with their paths. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {any} body
   */
  constructor(status, body) {
    super(body?.error_message ?? (status === 0 ? "the daemon does not answer" : `the daemon answered ${status}`));
    this.status = status;
    /** @type {string|undefined} */
    this.code = body?.error_code;
    this.details = body?.details ?? {};
    /** @type {{path: string, problem: string}[]} */
    this.problems = body?.details?.problems ?? [];
  }
}

/** @type {string|null} */
let csrf = null;
let onLost = () => {};

/**
 * Called when the login cannot be renewed.
 * @param {() => void} action
 */
export function whenLoginIsLost(action) {
  onLost = action;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{body?: any, key?: string, headers?: Record<string, string>, raw?: BodyInit, signal?: AbortSignal}} [options]
 */
async function send(method, path, options = {}) {
  /** @type {Record<string, string>} */
  const headers = { ...options.headers };
  if (options.key) headers["Idempotency-Key"] = options.key;
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrf) headers["X-CSRF-Token"] = csrf;
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  let response;
  try {
    response = await fetch(path, { method, headers, body, signal: options.signal });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refused(0, null);
  }
  const text = await response.text();
  let json = null;
  try { json = JSON.parse(text); } catch { /* a proxy's page, not a response of the daemon */ }
  if (!response.ok) throw new Refused(response.status, json);
  return json?.type === "response" ? json.data : json;
}

const ENTRANCES = ["/api/v1/auth/login", "/api/v1/auth/setup", "/api/v1/auth/refresh"];

/** Sends a request; renews an expired login or CSRF token once and tries again. */
async function ask(/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ options) {
  if (ENTRANCES.includes(path)) return send(method, path, options);
  if (method !== "GET" && !csrf) await renewCsrf();
  const sentAt = Date.now();
  try {
    return await send(method, path, options);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === "authentication_required") await renewLogin(sentAt);
    else if (!error.code?.startsWith("csrf_")) throw error;
    await renewCsrf();
    return send(method, path, options);
  }
}

/** @param {string} path @param {{signal?: AbortSignal}} [options] */
export const get = (path, options) => ask("GET", path, options);
/** @param {string} path @param {any} [body] @param {Record<string, any>} [options] */
export const post = (path, body, options) => ask("POST", path, { body, ...options });
/** @param {string} path @param {any} body @param {Record<string, string>} [headers] */
export const put = (path, body, headers) => ask("PUT", path, { body, headers });
/** @param {string} path @param {Record<string, string>} [headers] */
export const remove = (path, headers) => ask("DELETE", path, { headers });
/**
 * Sends a file.
 * @param {string} path @param {BodyInit} raw
 */
export const upload = (path, raw) =>
  ask("POST", path, { raw, headers: { "Content-Type": "application/octet-stream" } });

/**
 * Like `post`, with a key: however often it is sent, it takes effect once.
 * @param {string} path @param {any} body @param {string} key
 */
export const postOnce = (path, body, key) => ask("POST", path, { body, key });

/**
 * Whether the daemon decided on what was sent: then the next attempt is another one and gets a key of its own. Without an
 * answer, or with one of a gateway, the same key is sent again, so that a lost answer starts nothing twice.
 * @param {unknown} error
 */
export const isDecided = (error) => error instanceof Refused && error.status >= 400 && error.status < 500;

/** A key for `postOnce`. `randomUUID` does not exist on pages served over plain HTTP. */
export const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The token of this login, for requests that do not go through here. */
export async function csrfToken() {
  if (!csrf) await renewCsrf();
  return csrf ?? "";
}

export async function renewCsrf() {
  csrf = (await send("GET", "/csrf-token")).token;
}

const RENEWED = "login-renewed-at";

/**
 * Renews the login, in one tab at a time: a refresh token is good once, and using it twice ends the login.
 * A tab that finds the login renewed after `since` has nothing to do.
 * @param {number} since
 */
export async function renewLogin(since) {
  const renew = async () => {
    if (Number(localStorage.getItem(RENEWED) ?? 0) >= since) return;
    try {
      await send("POST", "/api/v1/auth/refresh");
    } catch (error) {
      if (error instanceof Refused && error.status === 401) onLost();
      throw error;
    }
    localStorage.setItem(RENEWED, String(Date.now()));
  };
  if (navigator.locks) return navigator.locks.request("login", renew);
  return withStoredLock(renew);
}

/** The lock of pages over plain HTTP, where `navigator.locks` does not exist. */
async function withStoredLock(/** @type {() => Promise<void>} */ action) {
  const mine = newKey();
  for (let tries = 0; tries < 100; tries += 1) {
    const [owner, until] = (localStorage.getItem("login-lock") ?? "").split(" ");
    if (!owner || Number(until) < Date.now()) {
      localStorage.setItem("login-lock", `${mine} ${Date.now() + 5000}`);
      await pause(40);
      if (localStorage.getItem("login-lock")?.startsWith(mine)) break;
    }
    await pause(60);
  }
  try { await action(); } finally { localStorage.removeItem("login-lock"); }
}

const pause = (/** @type {number} */ ms) => new Promise((wake) => { setTimeout(wake, ms); });
