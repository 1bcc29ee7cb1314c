//! Examples at the end of each command's help. A test parses every one of them.

/// The examples of every command, for that test.
#[cfg(test)]
pub const ALL: [(&str, &str); 22] = [
    ("demo", DEMO),
    ("run", RUN),
    ("backtest", BACKTEST),
    ("sweep", SWEEP),
    ("indicators", INDICATORS),
    ("import", IMPORT),
    ("recordings", RECORDINGS),
    ("export", EXPORT),
    ("verify", VERIFY),
    ("rehearse", REHEARSE),
    ("replay", REPLAY),
    ("strategies", STRATEGIES),
    ("sessions", SESSIONS),
    ("keys", KEYS),
    ("live", LIVE),
    ("watchdog", WATCHDOG),
    ("results", RESULTS),
    ("sync", SYNC),
    ("user", USER),
    ("config", CONFIG),
    ("completions", COMPLETIONS),
    ("man", MAN),
];

pub const SYNC: &str = "Examples:
  tradingd sync now
  tradingd sync status
  tradingd sync verify --repair
  tradingd sync rebuild trades
  tradingd sync dead-letters";

pub const DEMO: &str = "Examples:
  tradingd demo
  tradingd demo --listen 127.0.0.1:9000";

pub const RUN: &str = "Examples:
  tradingd run
  tradingd run --config /etc/tradingd/config.json --state /var/lib/tradingd";

pub const BACKTEST: &str = "Examples:
  tradingd backtest --strategy pump_v2 --data recordings/
  tradingd backtest --strategy pump_v2 dump_v2 --data recordings/ --report report.html
  tradingd backtest --strategy mine.json --recording session_20261122_164311_0d41c4
  tradingd backtest --strategy pump_v2 --data recordings/ --explain-trade worst
  tradingd backtest --strategy pump_v2 --data recordings/ --explain BTCUSDT@2024-08-08T23:57:00Z

S1 signal, O1 signal cancelled, Z1 entry, ZE1 close by rule, E1 emergency exit;
SL stop loss, TP take profit, TRAIL trailing stop, BREAK_EVEN break-even stop,
LADDER step of the exit ladder, TIME longest holding time, LIQ liquidation,
DATA no data to guard the position, RISK risk limit of the session,
COMMAND closed on request, END end of the data.";

pub const SWEEP: &str = "Examples:
  tradingd sweep --strategy pump_v2 --set /maxHoldSeconds=300..900/150 --data recordings/ --out holding
  tradingd sweep --strategy pump_v2 --set /maxHoldSeconds=300,600 /z1_entry/maxSlippagePercent=0.1..1/0.1 --random 8 --data recordings/
  tradingd sweep show holding --by profit_factor --top 5
  tradingd sweep show holding --trial 3 > tried.json
  tradingd sweep run --strategy pump_v2 --set /maxHoldSeconds=300..900/150 --data recordings/ --shard 1/2 --out part1
  tradingd sweep merge part1 part2 --out holding

A pointer names a field of the document that `tradingd strategies show ID` prints; an entry of a list goes by its
number from 0 or by its id: /s1_signal/conditions/s1_price/value.";

pub const INDICATORS: &str = "Examples:
  tradingd indicators
  tradingd indicators pump";

pub const IMPORT: &str = "Examples:
  tradingd import recordings/BTCUSDT.trades.csv.gz recordings/BTCUSDT.book20.csv.gz
  tradingd import recordings/
  tradingd import --questdb http://127.0.0.1:9000
  tradingd import --questdb http://127.0.0.1:9000 --session session_20261122_164311_0d41c4";

pub const RECORDINGS: &str = "Examples:
  tradingd recordings
  tradingd recordings show session_20261122_164311_0d41c4
  tradingd recordings delete session_20261122_164311_0d41c4 --yes";

pub const EXPORT: &str = "Examples:
  tradingd export session_20261122_164311_0d41c4 --stream trades --out trades.parquet
  tradingd export session_20261122_164311_0d41c4 --out rows/";

pub const VERIFY: &str = "Examples:
  tradingd verify
  tradingd verify --state /var/lib/tradingd --json";

pub const REHEARSE: &str = "Examples:
  tradingd rehearse --data recordings/BTCUSDT.trades.csv.gz recordings/BTCUSDT.book20.csv.gz --repeat
  tradingd rehearse --generate 20x2000 --speed 10

A daemon uses it when exchange.rest_url and exchange.ws_url of its configuration are the addresses printed here.";

pub const REPLAY: &str = "Examples:
  tradingd replay exec_20261122_222900_5e210e";

pub const STRATEGIES: &str = "Examples:
  tradingd strategies list
  tradingd strategies show pump_v2 > mine.json
  tradingd strategies validate mine.json
  tradingd strategies add mine.json";

pub const SESSIONS: &str = "Examples:
  tradingd sessions list
  tradingd sessions start request.json
  tradingd sessions stop exec_20261122_222900_5e210e
  tradingd sessions show exec_20261122_222900_5e210e
  tradingd sessions flatten exec_20261122_222900_5e210e";

pub const KEYS: &str = "Examples:
  tradingd keys add
  tradingd keys add --stdin --state /var/lib/tradingd";

pub const LIVE: &str = "Examples:
  tradingd live check
  tradingd live check --json
  tradingd live lock";

pub const WATCHDOG: &str = "Examples:
  tradingd watchdog --state /var/lib/tradingd
  tradingd watchdog --once";

pub const RESULTS: &str = "Examples:
  tradingd results list
  tradingd results trades exec_20261122_222900_5e210e > trades.csv
  tradingd results report exec_20261122_222900_5e210e --out report.html
  tradingd results compare exec_20261122_222900_5e210e exec_20261123_101500_77ab01";

pub const USER: &str = "Examples:
  tradingd user add anna --role trader
  tradingd user passwd anna
  tradingd user list";

pub const CONFIG: &str = "Examples:
  tradingd config init
  tradingd config check /etc/tradingd/config.json";

pub const COMPLETIONS: &str = "Examples:
  tradingd completions bash > ~/.local/share/bash-completion/completions/tradingd
  tradingd completions zsh > ~/.zfunc/_tradingd
  tradingd completions fish > ~/.config/fish/completions/tradingd.fish";

pub const MAN: &str = "Examples:
  tradingd man
  tradingd man --out ~/.local/share/man/man1";
