// Types of the state, as JSDoc. What the daemon answers is described in `schema/openapi.json`; here are the
// parts the console reads.

/**
 * @typedef {{status: "connecting"|"connected"|"stale"|"offline", heardAt: number}} Link
 *   `heardAt`: when the daemon was last heard, milliseconds since 1970.
 * @typedef {{username: string, role: string, permissions: string[], expires_at: string}} Me
 * @typedef {"collect"|"backtest"|"paper"|"live"} Mode
 * @typedef {{session_id: string, session_type: Mode, status: string, symbols: string[],
 *   strategies: {id: string, version: number, name: string}[], source_session_id: string|null,
 *   recording_session_id: string|null, user: string, created_at: string, started_at: string|null, ended_at: string|null,
 *   progress: number|null, simulated_time: string|null, events_per_second: number|null, eta_seconds: number|null,
 *   catching_up: {rows: number|null, rows_done: number, eta_seconds: number|null}|null,
 *   counters: Record<string, number>|null, error_message: string|null, result_id: string|null,
 *   was_orphaned: boolean, request: any}} Session
 * @typedef {{account?: any, positions?: any, orders?: any, states?: any, equity?: any, readAt?: number,
 *   unread?: {part: string, since: number|null, message: string}[]}} Now
 * @typedef {{price: number, timestamp: string, at: number, previous: number|null}} Price
 * @typedef {{seq: number, event: string, timestamp: string, symbol?: string, strategy_id?: string,
 *   [field: string]: any}} SessionEvent
 * @typedef {{list: SessionEvent[], last: number, isWhole: boolean}} EventLog
 * @typedef {{theme: string, zone: string, colours: string}} Preferences
 * @typedef {{id: number, kind: "info"|"good"|"bad", text: string}} Notice
 * @typedef {{name: string, params: Record<string, string>, query: URLSearchParams}} Route
 *
 * @typedef {{
 *   me: Me|null, setupNeeded: boolean, entered: "unknown"|"no"|"yes",
 *   link: Link, health: any,
 *   sessions: Record<string, Session>, now: Record<string, Now>,
 *   prices: Record<string, Record<string, Price>>, events: Record<string, EventLog>,
 *   strategies: any[]|null, recordings: any[]|null,
 *   notices: Notice[], route: Route, preferences: Preferences,
 * }} State
 */

export {};
