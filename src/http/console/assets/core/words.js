// Every sentence and label of the console, so that wording is changed and translated in one place.

export const words = {
  product: "tradingd",
  loading: "Loading",
  failed: "This could not be loaded",
  retry: "Try again",
  close: "Close",
  cancel: "Cancel",
  copy: "Copy",
  copied: "Copied",
  never: "never",
  unknownPage: ["There is no such page", "The address may be of an older version."],
  /** @type {Record<string, string>} */
  modes: { live: "LIVE", paper: "PAPER", backtest: "BACKTEST", collect: "COLLECT" },
  /** @type {Record<string, string>} */
  statuses: {
    starting: "starting", running: "running", stopping: "stopping", stopped: "stopped", completed: "completed",
    failed: "failed", recording: "recording",
  },
  /** What a state of the machine means. @type {Record<string, string>} */
  states: {
    INACTIVE: "idle", MONITORING: "waiting for S1", SIGNAL_DETECTED: "signal, waiting for Z1",
    ENTRY_EVALUATION: "entering", POSITION_ACTIVE: "in position", CLOSE_ORDER_EVALUATION: "closing",
    EMERGENCY_EXIT: "emergency exit", EXITED: "cooling down", SIGNAL_CANCELLED: "signal cancelled", HALTED: "halted",
  },
  /** @type {Record<string, string>} */
  sections: {
    S1: "S1 signal", O1: "O1 cancels the signal", Z1: "Z1 entry", ZE1: "ZE1 exit with profit", E1: "E1 emergency exit",
  },
  /** Exit reasons. @type {Record<string, string>} */
  reasons: {
    SL: "stop loss", TP: "take profit", TRAIL: "trailing stop", BREAK_EVEN: "break-even stop", ZE1: "ZE1 exit",
    E1: "E1 emergency", TIMEOUT: "longest holding time", MAX_HOLD: "longest holding time", END: "end of the data",
    LIQUIDATION: "liquidation", FILL: "filled", START: "start", COOLDOWN: "cooldown over",
  },
  entrance: {
    login: "Log in", setup: "Make the first admin",
    setupAbout: "The daemon printed a setup code when it started. It is good once.",
    code: "Setup code", user: "User name", password: "Password", newPassword: "Password, at least 10 characters",
    enter: "Log in", make: "Make admin", lost: "Your login has ended. Log in again.",
  },
  frame: {
    equity: "Equity", open: "Open PnL", day: "Day PnL", feed: "Feed age", none: "no running session",
    connected: "connected", stale: "no answer", offline: "not connected", connecting: "connecting",
    staleBanner: (/** @type {string} */ age) => `The daemon does not answer. What you see is ${age} old.`,
    offlineBanner: (/** @type {string} */ age) => `The connection to the daemon is gone; trying again. What you see is ${age} old.`,
    stop: "Hold to stop all", stopping: "Stopping…",
    stopTitle: "Hold for one second: flattens all live and paper sessions. Backtests and recordings go on.",
    stopped: (/** @type {number} */ n) => n === 0 ? "No live or paper session was running." : `${n} ${n === 1 ? "session" : "sessions"} stopped.`,
    flattened: "All live and paper sessions are being flattened.",
    emergency: "Emergency stop",
    emergencyAbout: "Hold the button for one second. Every live and paper session closes its positions and stops entering. Backtests and recordings are not touched.",
    theme: "Light or dark", zone: "UTC or local time", colours: "Colours for profit and loss", help: "Keys", alerts: "Alerts",
    logout: "Log out", account: "Account", sessions: "sessions", noAlerts: "No alerts in the running sessions.",
    charts: "Charts: TradingView Lightweight Charts™, © TradingView, Inc., Apache-2.0",
  },
  nav: {
    board: "Board", start: "Start", sessions: "Sessions", results: "Results", strategies: "Strategies",
    recordings: "Recordings", operations: "Operations",
  },
  keys: {
    title: "Keys",
    /** @type {[string, string][]} */
    list: [
      ["g d", "Board"], ["g s", "Start a session"], ["g b", "Results"], ["g h", "Sessions"], ["/", "Search"], ["j k", "Next and previous row"], ["Enter", "Open the row"],
      ["[ ]", "Previous and next trade"], ["Esc", "Close"], ["Shift E", "Emergency stop dialog"], ["?", "These keys"],
    ],
  },
  sessionsPage: {
    title: "Sessions", about: "Everything that ran or runs, newest first.", type: "Type", all: "All", start: "Start a session",
    none: ["No sessions yet", "Start a backtest on a recording, or a paper session on the live market."],
    more: "Load older sessions", stop: "Stop", report: "Report", stopped: "The session has ended.",
    stopping: "The session is ending; its result follows.",
    columns: { id: "Session", type: "Type", state: "State", strategies: "Strategies", symbols: "Symbols", started: "Started", progress: "Progress", trades: "Trades" },
    stopTitle: (/** @type {string} */ id) => `Stop session ${id}?`,
    /** @type {Record<string, string>} */
    consequences: {
      backtest: "The backtest ends here; its result covers what was replayed so far.",
      paper: "No more entries or exits. The result is kept; positions that are open are valued at their marks.",
      live: "Entries stop, orders are cancelled and positions are closed at the market. The session ends when it is flat.",
      collect: "The recording ends and is completed; nothing that was recorded is lost.",
    },
  },
};
