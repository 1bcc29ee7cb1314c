// Every sentence and label of the console but those in words_pages.js, so that wording is changed and translated in one place.

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
  unknownPage: ["There is no such page", "The address may be from an older version."],
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
    EMERGENCY_EXIT: "leaving at the market", EXITED: "cooling down", SIGNAL_CANCELLED: "signal cancelled", HALTED: "halted",
  },
  /** @type {Record<string, string>} */
  sections: {
    S1: "S1 signal", O1: "O1 cancels the signal", Z1: "Z1 entry", ZE1: "ZE1 closes by rule", E1: "E1 emergency exit",
  },
  /** Exit reasons. @type {Record<string, string>} */
  reasons: {
    SL: "stop loss", TP: "take profit", TRAIL: "trailing stop", BREAK_EVEN: "break-even stop", ZE1: "ZE1 exit",
    E1: "E1 emergency", TIME: "longest holding time", LADDER: "exit ladder", DATA: "no data to guard it", RISK: "risk limit",
    COMMAND: "on request", LIQ: "liquidation", END: "end of the data", FILL: "filled", START: "start", COOLDOWN: "cooldown over",
  },
  /** What an order is for. @type {Record<string, string>} */
  purposes: { entry: "entry", exit: "exit", emergency: "market exit" },
  entrance: {
    login: "Log in", setup: "Create the first admin",
    setupAbout: "The daemon printed a setup code when it started. It can be used once.",
    code: "Setup code", user: "User name", password: "Password", newPassword: "Password, at least 10 characters",
    enter: "Log in", make: "Create admin", lost: "Your login has ended. Log in again.",
  },
  frame: {
    equity: "Equity", open: "Open PnL", day: "Day PnL", feed: "Feed age", none: "no running session",
    connected: "connected", stale: "no answer", offline: "not connected", connecting: "connecting",
    staleBanner: (/** @type {string} */ age) => `The daemon does not answer. What you see is ${age} old.`,
    offlineBanner: (/** @type {string} */ age) => `The connection to the daemon is gone; trying again. What you see is ${age} old.`,
    stop: "Hold to stop all", stopping: "Stopping…",
    stopTitle: "Hold for one second: flattens all live and paper sessions. Backtests and recordings go on.",
    stopped: (/** @type {number} */ n) => n === 0 ? "No live or paper session was running." : n === 1 ? "One session has closed its positions and opens no new ones." : `${n} sessions have closed their positions and open no new ones.`,
    emergency: "Emergency stop",
    emergencyAbout: "Hold the button for one second. Every live and paper session closes its positions and stops entering. Backtests and recordings are not touched.",
    theme: "Light or dark", zone: "UTC or local time", colours: "Colours for profit and loss",
    /** @type {[string, string][]} */
    palettes: [["green-red", "Green and red"], ["blue-orange", "Blue and orange"]],
    help: "Keys", alerts: "Alerts",
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
      ["/", "Search"], ["j k", "Next and previous row"], ["Enter", "Open the row"],
      ["[ ]", "Previous and next trade"], ["Esc", "Close"], ["Shift E", "Emergency stop dialog"], ["?", "These keys"],
    ],
  },
  sessionsPage: {
    title: "Sessions", about: "Everything that ran or runs, newest first.", type: "Type", all: "All", start: "Start a session",
    none: ["No sessions yet", "Start a backtest on a recording, or a paper session on the market."],
    more: "Load older sessions", stop: "Stop", report: "Report", stopped: "The session has ended.",
    stopping: "The session is ending; its result follows.",
    columns: { id: "Session", type: "Type", state: "State", strategies: "Strategies", symbols: "Symbols", started: "Started", progress: "Progress", trades: "Trades", action: "Action" },
    stopTitle: (/** @type {string} */ id) => `Stop session ${id}?`,
    /** @type {Record<string, string>} */
    consequences: {
      backtest: "The backtest ends here; its result covers what was replayed so far.",
      paper: "Entries stop and open positions are closed. The result is kept.",
      live: "Entries stop, orders are cancelled and positions are closed at the market. The session ends when it is flat.",
      collect: "The recording ends and is completed; nothing that was recorded is lost.",
    },
  },
  chart: {
    fit: "Fit", interval: "Interval", noPrices: "No prices yet.",
    /** @type {[string, string][]} */
    keys: [["warn", "S1 signal"], ["accent", "Z1 / ZE1"], ["up", "entry, exit with profit"], ["down", "exit with loss, E1"], ["gap", "gap in the data"]],
  },
  conditions: {
    section: "Section", operator: "Comparison", condition: "Condition", indicator: "Indicator", value: "Value", threshold: "Threshold", result: "Result", met: "met", notMet: "not met",
    unknown: "unknown", noValue: "no value yet", away: (/** @type {string} */ distance) => `${distance} to go`,
    whySignal: "Why there was a signal", whyEntry: "Why it was entered", whyExit: "Why it was left", stops: "Stop", fills: "Fills",
    byPrice: (/** @type {string} */ reason) => `By the price alone: ${reason}.`,
    byLevel: (/** @type {string} */ reason, /** @type {string} */ level, /** @type {string|null} */ metBy, /** @type {boolean} */ isMark) =>
      `By the price alone: ${reason} at ${level}, ${metBy == null ? "by the order at the exchange" : `met by ${isMark ? "the fair price" : "a price"} of ${metBy}`}.`,
  },
  log: {
    title: "Decision log", symbol: "Symbol", strategy: "Strategy", allSymbols: "All symbols", allStrategies: "All strategies", kind: "Kind",
    /** @type {[string, string][]} */
    groups: [["", "All"], ["signals", "Decisions"], ["orders", "Orders"], ["positions", "Positions"], ["blocked", "Blocked"], ["session", "Session"]],
    none: ["Nothing happened yet", "Signals, orders, fills and refusals appear here as they are decided, each with the values it saw."],
    noneRefused: "No entry was refused.", noneFits: "No line fits the filter.",
    notWhole: "Older events are in the log of the daemon: GET /sessions/{id}/events.",
    conditions: "Conditions", price: "price", bid: "bid / ask", order: "order", guard: "check", measured: "measured / allowed", session: "session",
    /** @type {Record<string, string>} */
    sections: { S1: "signal", O1: "signal cancelled", Z1: "entry decided", ZE1: "exit decided", E1: "emergency exit decided" },
    at: (/** @type {string} */ price) => `at ${price}`,
    state: (/** @type {string} */ state, /** @type {string} */ why) => `${state} (${String(why).toLowerCase().replaceAll("_", " ")})`,
    sent: (/** @type {string} */ status, /** @type {string} */ side, /** @type {string} */ quantity, /** @type {string} */ purpose, /** @type {string|null} */ limit, /** @type {number} */ id, /** @type {string} */ more) =>
      status === "submitted" ? `#${id} ${purpose}: ${side} ${quantity} ${limit ? `up to ${limit}` : "at the market"}` : `#${id} ${String(status).replaceAll("_", " ")}${more}`,
    unfilled: (/** @type {string|undefined} */ reason, /** @type {string|null} */ filled, /** @type {string|null} */ left) => `${reason ? ` (${reason.replaceAll("_", " ")})` : ""}${left == null ? "" : `: ${filled} filled, ${left} not`}`,
    fill: (/** @type {string} */ quantity, /** @type {string} */ price, /** @type {number} */ id) => `#${id} filled ${quantity} at ${price}`,
    closed: (/** @type {string} */ side, /** @type {string} */ entry, /** @type {string} */ exit, /** @type {string} */ why, /** @type {string} */ net) => `closed ${side} ${entry} → ${exit} by ${why}: ${net}`,
    stop: (/** @type {string} */ price, /** @type {string} */ why) => `stop at ${price} (${why})`, opened: "position open",
    gap: (/** @type {string} */ cause, /** @type {string} */ seconds) => `gap in the data of ${seconds} s: ${cause}`,
    feed: (/** @type {string} */ kind, /** @type {string} */ offset) => kind === "clock_offset" ? `clock of the exchange differs by ${offset} ms` : `market data ${kind}`,
    activated: (/** @type {string} */ strategy, /** @type {number} */ version) => `${strategy} version ${version} active`,
    blocked: (/** @type {string} */ reason) => `entry refused: ${reason}`,
  },
  board: {
    title: "Board", howMany: "Charts",
    /** @type {[string, string][]} */
    charts: [["", "1 chart"], ["4", "4 charts"]],
    none: ["Nothing runs now", "Start a backtest on a recording, a paper session on the market, or collect data."], start: "Start a session",
    unknown: (/** @type {string} */ id) => `There is no session ${id}.`, noStrategy: "no strategy", symbols: (/** @type {number} */ n) => n === 1 ? "symbol" : "symbols", startedBy: "started by", report: "Report",
    again: "Start one like it", stop: "Stop", progress: "Progress", simulated: "replaying", perSecond: "events/s", eta: "done in", goesOn: "It goes on when this page is closed.",
    equity: "Equity", start0: "from", realised: "Realised PnL", open: "Open PnL", positions: (/** @type {number} */ n) => n === 1 ? "position" : "positions", drawdown: "Deepest drawdown", nowDown: "now", costs: "Fees paid",
    funding: "funding", tradesWord: "Trades",
    signals: (/** @type {number} */ n) => n === 1 ? "signal" : "signals", fills: (/** @type {number} */ n) => n === 1 ? "fill" : "fills", watch: "Symbols", inPosition: "in position", off: "switched off", old: "old",
    noRecording: ["No candles for this session", "Its recording was deleted, or it was started by an older version."],
    chartOf: (/** @type {string} */ symbol) => `Candles of ${symbol} with the session's decisions`, entry: "entry", stopLine: "stop", target: "target", liquidation: "Liquidation",
    tradesTitle: "Trades", noTrades: ["No trades yet", "A closed position appears here with why it was entered and left.", "The session ended without a trade."],
    columns: { exit: "Closed", symbol: "Symbol", side: "Side", strategy: "Strategy", quantity: "Quantity", entry: "Entry", out: "Exit", net: "Net", reason: "Left by", lasted: "Held" },
    unread: (/** @type {string} */ part, /** @type {string} */ why) => `The ${part} could not be read (${why}).`, unreadSince: "What is shown is of",
    parts: { account: "account", positions: "positions", orders: "orders", states: "states of the strategies" },
    equityTitle: "Equity and drawdown", stale: (/** @type {string} */ why) => `These figures are old (${why}); they are of`, limits: "Limits and budgets", budget: "Budget", positionsTitle: "Positions",
    noPositions: ["No open position", "Entries appear here with stop, targets and liquidation price."], quantity: "Size", protected: "Protected",
    stopAt: (/** @type {string} */ price) => `stop ${price}`, decidedStop: "Stop as decided", there: "At the exchange", notReadThere: "not known: the account was not read", notThere: "not at the exchange", onlyThere: "only at the exchange", accountUnread: "What is held at the exchange is not known: its account was not read.", entryThere: "Entry", stopBetween: "stop at the exchange, between two ticks", unprotectedSince: "no stop at the exchange since", stopThere: (/** @type {string} */ price) => `stop ${price} at the exchange`,
    sizeThere: (/** @type {string} */ size) => `size ${size}`, marginThere: (/** @type {string} */ amount) => `margin ${amount}`, liquidationThere: (/** @type {string} */ price) => `liquidation ${price}`, unprotected: "no stop", targets: "Targets", age: "Open for", closesAt: "at most until", ordersTitle: "Open orders",
    statesTitle: "Strategies", warmingUp: (/** @type {string} */ list) => `warming up: ${list}`, forNow: "for now", forTheRest: "for the rest of the session", untilThen: (/** @type {string} */ time) => `until ${time}`,
    noEntry: (/** @type {string} */ howLong, /** @type {string} */ why) => `No entry ${howLong}${why ? `; ${why}` : ""}.`,
  },
  /**
   * Of each check that refuses entries now: how long, unless until a time, and what it measured and allows.
   * @type {Record<string, [string, ((m: string, a: string) => string)?]>}
   */
  refusing: {
    symbol_disabled: ["while this symbol is switched off"],
    warm_up: ["until all indicators have a value", (m) => `${m} ${m === "1" ? "is" : "are"} still missing`],
    emergency_condition: ["while the emergency exit (E1) is true"],
    no_price: ["until a price is known"],
    symbol_locked: ["while another position or order is open on this symbol"],
    max_concurrent_positions: ["until a position is closed", (m, a) => `${m} of ${a} allowed positions are open`],
    max_daily_trades: ["for the rest of the day", (m, a) => `${m} of ${a} entries of the day are used`],
    daily_loss_limit: ["for the rest of the day", (m, a) => `the day's loss is ${m} %, ${a} % is allowed`],
    max_drawdown: ["for the rest of the session", (m, a) => `equity is ${m} % below its peak, ${a} % is allowed`],
    consecutive_losses: ["for some time", () => "there were too many losses in a row"],
    paused: ["until entries are resumed"],
    budget: ["until the strategy closes a position", (m, a) => `the budget left is ${m}, an entry needs ${a}`],
    below_min_volume: ["of this size", (m, a) => `it comes to a notional of ${m}, at least ${a} is needed`],
    max_position_notional: ["of this size", (m, a) => `the position would be ${m} % of equity, ${a} % is allowed`],
    symbol_exposure: ["until a position is closed", (m, a) => `${m} % of equity would be in this symbol, ${a} % is allowed`],
    total_exposure: ["until a position is closed", (m, a) => `${m} % of equity would be in positions, ${a} % is allowed`],
    margin_utilisation: ["until a position is closed", (m, a) => `${m} % of equity would be used as margin, ${a} % is allowed`],
    max_spread: ["until the spread is narrower", (m, a) => `it is ${m} %, ${a} % is allowed`],
    max_slippage: ["until the book is deeper", (m, a) => `it allows ${m} lots within the slippage limit, the exchange takes ${a} or more`],
    price_band: ["until the book is better", (m, a) => `the order price is ${m} % from the middle of the book, ${a} % is allowed`],
    liquidation_distance: ["until the stop is nearer to the entry", (m, a) => `liquidation is ${m} % away, the stop needs ${a} % or more`],
    max_leverage: ["at this leverage", (m, a) => `it is ${m}, ${a} is allowed`],
    order_rate: ["for a moment", (m, a) => `${m} entries in the last second or minute, ${a} are allowed`],
    risk_per_trade: ["until the stop is nearer to the entry", (m, a) => `the risk per trade allows ${m} lots, the exchange takes ${a} or more`],
  },
  /** @type {Record<string, string>} */
  guards: {
    max_concurrent_positions: "Open positions", daily_loss_limit: "Loss of the day", max_drawdown: "Drawdown", total_exposure: "Exposure", margin_utilisation: "Margin used",
    max_daily_trades: "Trades of the day", consecutive_losses: "Losses in a row",
  },
  controls: {
    /** @type {Record<string, string>} */
    names: { pause: "Pause entries", resume: "Resume entries", cancel: "Cancel orders", flatten: "Flatten" },
    /** @type {Record<string, string>} */
    titles: { pause: "Pause entries?", resume: "Resume entries?", cancel: "Cancel all orders?", flatten: "Flatten the session?" },
    /** @type {Record<string, string>} */
    about: {
      pause: "No new positions. Stops and exits of open ones go on.", resume: "The strategies may enter again.",
      cancel: "Entry orders are cancelled. Stops stay.", flatten: "Orders are cancelled and every position is closed at the market. The session goes on paused.",
    },
    /** @type {Record<string, string>} */
    done: { pause: "Entries are paused.", resume: "Entries are allowed.", cancel: "Orders are being cancelled.", flatten: "Every position is closed." },
    unfinished: (/** @type {any} */ done) => !done.is_done ? `${done.session_id}: ${done.control} has not been taken yet; look at the session.`
      : done.control === "flatten" && !done.is_flat ? `${done.session_id}: something is still open; look at the session.` : "",
  },
  choose: {
    strategies: "Strategies", strategy: "Strategy", about: "What it does", direction: "Direction", trades: "Trades", winRate: "Win rate", avgProfit: "Avg. profit",
    disabled: "disabled", searchStrategies: "Search strategies", noStrategies: ["No strategy fits", "Search for something else, or write one on the page Strategies."],
    chosen: (/** @type {number} */ n) => `${n} chosen`, recordings: "Data", recording: "Recorded from", span: "Span", symbols: "Symbols", records: "Rows", coverage: "Coverage", state: "State",
    noRecordings: ["No recordings yet", "Import files on the page Recordings, or collect data from the exchange."], collectSome: "Collect data", whole: "The whole recording", from: "From (UTC)", to: "To (UTC)",
    covered: (/** @type {number} */ share, /** @type {number} */ gaps) => `${share} % covered, ${gaps} ${gaps === 1 ? "gap" : "gaps"}`, gaps: (/** @type {number} */ n) => `${n} ${n === 1 ? "gap" : "gaps"}`,
    symbol: "Symbol", price: "Price", change: "24 h", volume: "Volume 24 h", high: "High 24 h", low: "Low 24 h", funding: "Funding", leverage: "Max.", searchSymbols: "Search symbols",
    allContracts: "All contracts", topVolume: "Top 10 by volume", topMovers: "Top 10 movers", paste: "Paste a list", pasteAbout: "Symbols with spaces, commas or lines between them",
    off: "The exchange is switched off in the configuration: these are the configured symbols, without prices.",
    away: "The exchange does not answer: these are the configured symbols, without prices.", stale: "The exchange does not answer;", refreshed: "refreshed", allOf: "all of the recording",
    remove: (/** @type {string} */ one) => `Remove ${one}`, clear: "Clear", noSymbols: ["No symbol fits", "Search for something else, or show all contracts."],
  },
  startPage: {
    title: "Start a session", about: "Choose what runs, on which data, with how much. Nothing starts before you press the button.", type: "Type of session",
    /** @type {Record<string, string>} */
    types: { backtest: "Replay recorded data", paper: "Real-time market data, simulated orders", live: "Real orders; rehearsed only so far", collect: "Record market data" },
    budget: "Budget", cap: "Budget cap", capHint: "All strategies together", balance: "Starting balance", balanceHint: "Simulated account", position: "Largest position", positionHint: "Notional of one position",
    noLimit: "no limit", allocations: "Split over strategies", allocationOf: (/** @type {string} */ id) => `Budget of ${id}`, rest: "shared, or 60%",
    allocated: (/** @type {string} */ used, /** @type {string} */ cap, /** @type {string} */ left) => `${used} of ${cap} allocated, ${left} left to share`,
    worst: (/** @type {string} */ notional, /** @type {string} */ loss) => `Notional at leverage 1: up to ${notional}. With this stop in every strategy, all of them hit and the whole budget in use: about −${loss} before fees and slippage.`,
    risk: "Risk", stop: "Stop loss", stopHint: "Of strategies that have none", take: "Take profit", takeHint: "Of strategies that have none", ofStrategy: "of the strategy", limits: "Limits of the account",
    limitsHint: "Daily loss, drawdown, exposure, open positions", limitsOn: "as configured", limitsOff: "none",
    executionTitle: "Execution model", uncalibrated: "uncalibrated", uncalibratedAbout: "Latency and queue position are assumptions; they were not fitted to fills of an account.",
    /** @type {Record<string, string>} */
    execution: { maker: "Maker fee", taker: "Taker fee", slippage: "Extra slippage", latency: "Latency", seed: "Seed" },
    /** @type {Record<string, string>} */
    executionHints: { maker: "Resting orders", taker: "Orders that take", slippage: "On top of the book", latency: "Decision to exchange", seed: "Of jitter and rejects" },
    ofContract: "of the contract", speed: "Speed", speedHint: "Never changes a result",
    /** @type {[string, string][]} */
    speeds: [["0", "as fast as possible"], ["1000", "1000 ×"], ["60", "60 ×"], ["10", "10 ×"], ["1", "real time"]],
    collect: "What to record", duration: "How long", durationHint: "A recording can be stopped at any time",
    /** @type {Record<string, string>} */
    dataTypes: { tick_prices: "Trades", orderbook: "Order book", orderbook_changes: "Book changes", mark_prices: "Mark prices", funding: "Funding" },
    /** @type {[string, string][]} */
    durations: [["continuous", "until stopped"], ["15m", "15 minutes"], ["1h", "1 hour"], ["6h", "6 hours"], ["24h", "1 day"]],
    checksTitle: "Checks", review: "Review",
    /** @type {[string, string][]} */
    views: [["words", "Summary"], ["json", "JSON"], ["curl", "curl"], ["command", "Command"]],
    starting: "Starting…", blocked: "Errors above keep it from starting.",
    /** @type {Record<string, string>} */
    startAs: { backtest: "Start backtest", paper: "Start paper session", live: "Start live session", collect: "Start recording" },
    liveTitle: "Live confirmation", liveAbout: "Orders go to the exchange, in this version only to a rehearsal exchange on the daemon's own host. Type the session's name twice.", sessionName: "Name of the session", confirm: (/** @type {string} */ name) => `Type ${name ? `“${name}”` : "the name"} again`,
    presets: "Presets", presetName: "Name of a preset", save: "Save", forget: (/** @type {string} */ name) => `Delete preset ${name}`,
    /** @type {Record<string, string>} */
    fields: { global_cap: "Budget cap", initial_balance: "Starting balance", max_position_size: "Largest position", stop_loss_percent: "Stop loss", take_profit_percent: "Take profit", maker_pct: "Maker fee", taker_pct: "Taker fee", latency_ms: "Latency" },
    checks: {
      good: "Ready to start.", role: (/** @type {string} */ role, /** @type {string} */ type) => `The role ${role} may not start ${type} sessions.`, noStrategy: "Choose at least one strategy.", disabled: (/** @type {string} */ name) => `${name} is disabled.`,
      untested: (/** @type {string} */ name) => `${name} has no completed backtest.`, noRecording: "Choose the recording to replay.", gaps: (/** @type {number} */ n, /** @type {number} */ share) => `The recording has ${n} ${n === 1 ? "gap" : "gaps"} (${share} % covered); nothing is carried across a gap.`,
      stillRecording: "The recording still grows; the backtest ends where it is now.", notRecorded: (/** @type {string} */ list) => `Not in the recording: ${list}.`, span: "The span ends before it begins.", noSymbol: "Choose at least one symbol.",
      unknownSymbols: (/** @type {string} */ list) => `The exchange does not list ${list}.`, exchange: (/** @type {string} */ why) => `The exchange is not ready: ${why}`, exchangeOff: "The exchange is switched off in the configuration.", clock: (/** @type {string} */ ms) => `The clock of this host is ${ms} ms off.`, noData: "Choose what to record.",
      confirm: "Type the name of the live session twice.", noNumber: (/** @type {string} */ field, /** @type {string} */ typed) => `${field}: “${typed}” is not a number.`, positive: (/** @type {string} */ field) => `${field} must be above 0.`,
      overCap: (/** @type {string} */ used, /** @type {string} */ cap) => `Allocations add up to ${used}, over the cap of ${cap}.`, capOverBalance: "The cap is above the starting balance.", noStop: "No stop loss here: the strategies' own stops hold, if they have one.", noLimits: "The account's limits are off.",
    },
    /** @type {any} */
    summary: {
      missing: { strategies: "a strategy", recording: "a recording", symbols: "a symbol" }, empty: (/** @type {string[]} */ list) => `Choose ${list.join(" and ")}; the summary appears here.`, recordedData: "recorded data", allOfIt: "all recorded symbols", more: (/** @type {number} */ n) => `and ${n} more`, allRecorded: (/** @type {number} */ n) => n === 1 ? "the recorded symbol" : `all ${n} recorded symbols`,
      backtest: (/** @type {string} */ what, /** @type {string} */ symbols, /** @type {string} */ span) => `Replays ${span} of ${symbols} through ${what}.`,
      paper: (/** @type {string} */ what, /** @type {string} */ symbols) => `Runs ${what} on the market of ${symbols} as it comes; orders are simulated.`,
      live: (/** @type {string} */ what, /** @type {string} */ symbols) => `Runs ${what} on ${symbols} with real orders.`,
      collect: (/** @type {string} */ _, /** @type {string} */ symbols) => `Records ${symbols}.`,
      cap: (/** @type {string} */ cap) => `Positions use at most ${cap} in all.`, noCap: "There is no budget cap.", risk: (/** @type {string} */ stop, /** @type {string} */ take) => `Strategies without a stop loss of their own get ${stop}, those without a take profit ${take}.`, ownStop: "none", ownTake: "none",
    },
  },
  results: {
    title: "Results", about: "Results of sessions and of the command line, newest first. Choose two to eight to compare them.", none: ["No results yet", "A backtest or an ended paper session leaves one."], start: "Start a backtest",
    compare: (/** @type {number} */ n) => n < 2 ? "Compare" : `Compare ${n}`, chooseMore: "Choose two to eight results.", strategy: "Strategy", symbol: "Symbol", all: "All", more: "Load older results", search: "Search results",
    columns: { session: "Result", strategies: "Strategies", symbols: "Symbols", source: "Data", net: "Net", drawdown: "Drawdown", trades: "Trades", winRate: "Win rate", created: "Made", span: "Span", choose: "Compare" },
    early: "stopped early",
  },
  report: {
    back: "Results", again: "Run again", page: "HTML", json: "JSON", tradesCsv: "Trades CSV", equityCsv: "Equity CSV", board: "Board and log", compare: "Compare with…", link: "Copy link", digest: "Digest",
    tiles: { net: "Net profit", drawdown: "Max. drawdown", factor: "Profit factor", winRate: "Win rate", expectancy: "Expectancy", sharpe: "Sharpe", trades: "Trades", exposure: "Time in the market", costs: "Costs paid" },
    of: (/** @type {number} */ wins, /** @type {number} */ all) => `${wins} of ${all}`, costs: (/** @type {string} */ fees, /** @type {string} */ funding, /** @type {string} */ slippage, /** @type {boolean} */ isBetter) => `fees ${fees}, funding ${funding}, slippage ${slippage}${isBetter ? " (negative: fills were better than the mid)" : ""}`,
    equity: "Equity and drawdown", log: "Log scale", worst: "Deepest drawdowns", depth: "Depth", from: "From", trough: "Trough", recovery: "Recovered", lasted: "Lasted", open: "not yet",
    months: "By month", hours: "Net by day and hour", total: "Total", chart: "Trades on the chart", tradesTitle: "Trades", search: "Search trades", allSymbols: "All symbols", best: "Click a head to sort; click a row to see why.",
    columns: { n: "#", symbol: "Symbol", side: "Side", entry: "Entered", exit: "Left", entryPrice: "Entry", exitPrice: "Exit", quantity: "Quantity", fees: "Fees", slippage: "Slippage", net: "Net", pct: "%", lasted: "Held", mae: "MAE %", mfe: "MFE %", reason: "Left by" },
    breakdowns: "Breakdowns", bySymbol: "By symbol", byReason: "By exit reason", bySide: "By side", byStrategy: "By strategy", group: "Group", wins: "Wins", gross: "Gross", scatter: "Adverse and favourable excursion", scatterAbout: "One dot per trade: how far it went against the position (MAE) and for it (MFE). A click opens the trade.",
    histogram: "Distribution of net %", sections: "How often each section fired", refusals: "Refused entries", guard: "Check", times: "Times", settings: "Settings and assumptions", allMetrics: "All metrics", metric: "Metric", value: "Value", meaning: "How it is computed", coverage: "Coverage", events: "events",
    warnings: "What to know about this result", interval: "95 % interval", gapsTitle: "Gaps", noGaps: "none", noChart: ["No candles", "The recording or file this was computed from is not in the store; the numbers remain."], ratio: "ratio", profit: "profit", loss: "loss",
  },
  compare: {
    most: 8, title: "Compare", about: "The best value of each row is marked ★.", few: ["Choose two to eight results", "Tick them in the list of results."], equity: "Equity", metric: "Metric", symbols: "Symbols", currency: "Currency", settings: "Assumptions and settings that differ", setting: "Assumption or setting", same: "All assumptions and settings are equal.", best: "best", equal: "These runs decided exactly the same (equal digests).",
    /** @type {Record<string, string>} */
    names: { net_profit: "Net profit", net_profit_pct: "Net profit %", max_drawdown_pct: "Max. drawdown %", trades: "Trades", win_rate: "Win rate %", profit_factor: "Profit factor", expectancy: "Expectancy", payoff_ratio: "Payoff ratio", sqn: "SQN", sharpe: "Sharpe", sortino: "Sortino", calmar: "Calmar", exposure_time_pct: "Time in the market %", duration_mean: "Mean holding time, s", mae_worst_pct: "Worst MAE %", fees: "Fees", funding: "Funding", slippage: "Slippage", consecutive_losses: "Losses in a row" },
  },
};
