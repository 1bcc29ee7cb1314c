#!/usr/bin/env bash
# Asks a running daemon for six endpoints with curl and writes the requests and answers as Markdown.
#
#   docs/transcripts.sh > docs/transcripts.md
#
# Starts a daemon of its own on a free port over a throw-away state directory with the recording of tests/data. The exchange
# calls BTC_USDT what the files call BTCUSDT; either spelling finds it. TRADINGD names the binary [target/debug/tradingd, built first].
# Needs bash, curl, jq and gzip. Ends with 1 when an answer has not the status it should have.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in curl jq gzip; do
    command -v "$tool" >/dev/null || { echo "$tool was not found: install it, then run this again" >&2; exit 69; }
done
if [ -z "${TRADINGD:-}" ]; then
    cargo build --quiet --bin tradingd
    TRADINGD=target/debug/tradingd
fi

home=$(mktemp -d)
daemon=
finish() {
    if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null && wait "$daemon" || true; fi
    rm -rf "$home"
}
trap finish EXIT

# What there is to see: two symbols of one real recording, a strategy that trades often, a user.
"$TRADINGD" import --state "$home/state" tests/data/binance-usdm_{BTC,ETH}USDT_20240808.{trades,book20}.csv.gz >/dev/null 2>&1
"$TRADINGD" strategies add --state "$home/state" benches/workloads/ema.json >/dev/null 2>&1
echo "a password for the transcript" | "$TRADINGD" user add --state "$home/state" demo --role trader --password-stdin >/dev/null
echo '{"http": {"listen": "127.0.0.1:0"}, "exchange": {"enabled": false}}' >"$home/config.json"
"$TRADINGD" run --state "$home/state" --config "$home/config.json" >"$home/out.log" 2>"$home/log" &
daemon=$!
for _ in $(seq 200); do
    grep -q 'tradingd is ready' "$home/log" && break
    kill -0 "$daemon" 2>/dev/null || { cat "$home/log" >&2; exit 1; }
    sleep 0.05
done
url=$(sed -n 's/.*tradingd listens on \(http[^ ]*\).*/\1/p' "$home/log")

# ask STATUS METHOD PATH [BODY]: shows the request as one would type it, and the answer; the answer stays in $said.
# `as=nobody` leaves the login out.
ask() {
    local status=$1 method=$2 path=$3 body=${4:-} got
    local shown="curl -i"
    local arguments=(-s -D "$home/head" -o "$home/body" -X "$method")
    if [ "$method" != GET ]; then shown+=" -X $method"; fi
    if [ "${as:-demo}" != nobody ]; then
        shown+=" -H \"Authorization: Bearer \$TOKEN\""
        arguments+=(-H "Authorization: Bearer $token")
        if [ "$method" != GET ]; then
            shown+=" -H \"X-CSRF-Token: \$CSRF\""
            arguments+=(-H "X-CSRF-Token: $csrf")
        fi
    fi
    if [ -n "$body" ]; then
        shown+=" -H 'Content-Type: application/json' -d '$body'"
        arguments+=(-H 'Content-Type: application/json' -d "$body")
    fi
    curl "${arguments[@]}" "$url$path"
    got=$(sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$home/head")
    said=$(cat "$home/body")
    printf '```console\n$ %s "$URL%s"\n' "$shown" "$path"
    tr -d '\r' <"$home/head" | grep -iE '^(HTTP|content-type|etag|allow|www-authenticate|cache-control)'
    printf '\n'
    jq . "$home/body"
    printf '```\n\n'
    if [ "$got" != "$status" ]; then
        echo "$method $path answered $got, not $status: $said" >&2
        exit 1
    fi
}

said() { jq -r "$1" <<<"$said"; }

cat <<'TEXT'
# Transcripts of the six endpoints

Made by `docs/transcripts.sh`, which starts a daemon over the recording of `tests/data` and asks it with curl. Answers are
complete but for headers that are on every answer; bodies are indented with jq. `$URL` is the daemon's address, `$TOKEN` and
`$CSRF` come from logging in:

TEXT

login=$(curl -s -X POST -H 'Content-Type: application/json' -d '{"username":"demo","password":"a password for the transcript"}' "$url/api/v1/auth/login")
token=$(jq -r .data.access_token <<<"$login")
csrf=$(curl -s -H "Authorization: Bearer $token" "$url/csrf-token" | jq -r .data.token)
cat <<'TEXT'
```console
$ TOKEN=$(curl -s -X POST -H 'Content-Type: application/json' -d '{"username":"demo","password":"…"}' "$URL/api/v1/auth/login" | jq -r .data.access_token)
$ CSRF=$(curl -s -H "Authorization: Bearer $TOKEN" "$URL/csrf-token" | jq -r .data.token)
```

## 1. GET /api/strategies

TEXT
as=nobody ask 401 GET /api/strategies
ask 200 GET /api/strategies
cat <<'TEXT'
## 2. GET /symbols

TEXT
as=nobody ask 200 GET /symbols
cat <<'TEXT'
## 3. GET /api/data-collection/sessions

TEXT
as=nobody ask 200 GET '/api/data-collection/sessions?limit=50'
recording=$(said '.sessions[0].session_id')
cat <<'TEXT'
## 4. POST /sessions/start

The request that a web page written for this API sends. The backtest runs as fast as it can.

TEXT
start() {
    jq -cn --arg recording "$recording" --arg strategy "$1" --argjson speed "$2" '{
        session_type: "backtest", symbols: ["BTC_USDT", "ETH_USDT"], strategy_config: {strategies: ($strategy | split(","))},
        config: {budget: {global_cap: 1000, allocations: {}}, stop_loss_percent: 5.0, take_profit_percent: 10.0,
                 session_id: $recording, acceleration_factor: $speed}, idempotent: true}'
}
ask 200 POST /sessions/start "$(start ema 0)"
session=$(said .data.data.session_id)
for _ in $(seq 600); do
    state=$(curl -s -H "Authorization: Bearer $token" "$url/sessions/$session" | jq -r .data.status)
    [ "$state" = starting ] || [ "$state" = running ] || break
    sleep 0.05
done
echo "Some moments later:"
echo
ask 200 GET "/sessions/$session"
echo "What it was worth shows in the list of strategies:"
echo
ask 200 GET '/api/strategies?q=ema'
echo "Nothing is assumed when the type is missing, and every problem is told at once:"
echo
ask 400 POST /sessions/start '{"symbols":["BTC_USDT"],"config":{"budget":{"global_cap":-1}},"idempotant":true}'
cat <<'TEXT'
## 5. POST /sessions/stop

A slow one, started twice: the second answer is the same session. Then stopped in the middle, and again.

TEXT
ask 200 POST /sessions/start "$(start pump_v2,dump_v2 10)"
ask 200 POST /sessions/start "$(start pump_v2,dump_v2 10)"
session=$(said .data.data.session_id)
ask 200 POST /sessions/stop "{\"session_id\":\"$session\"}"
ask 409 POST /sessions/stop "{\"session_id\":\"$session\"}"
ask 400 POST /sessions/stop '{}'
cat <<'TEXT'
## 6. GET /api/exchange/symbols

The exchange is switched off in this configuration. Nothing is made up instead.

TEXT
as=nobody ask 503 GET /api/exchange/symbols
