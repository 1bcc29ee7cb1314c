#!/usr/bin/env python3
"""Makes the samples of this folder, and `expected.json` with the rows that an import must give.

All values are made up. Each sample is written by the description of its layout, from the same few trades,
bars and books; the expected rows come from those, never from the program. Standard library only.
"""
import gzip, io, json, os, zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
MS = 1_764_547_200_000  # 2025-12-01T00:00:00Z
EXPECTED = {}


def put(name, content, stream, rows, **more):
    data = content if isinstance(content, bytes) else content.encode()
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)
    EXPECTED[name] = {"stream": stream, "rows": rows, **more}


def gz(text):
    return gzip.compress(text.encode(), mtime=0)


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for name, text in members:
            z.writestr(zipfile.ZipInfo(name, (2025, 12, 2, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def lines(rows, header=None):
    return "".join(",".join(map(str, row)) + "\n" for row in ([header] if header else []) + rows)


# Trades: milliseconds after MS, price, quantity, side of the taker, id.
TRADES = [(0, "0.412", "10", "buy", 7001), (500, "0.4121", "11", "sell", 7002), (500, "0.4122", "12.5", "sell", 7003),
          (1250, "0.412", "3", "buy", 7004)]


def trades(symbol, ids=True, at=MS):
    return [{"timestamp_us": (at + t) * 1000, "symbol": symbol, "price": p, "quantity": q, "side": s,
             **({"trade_id": i} if ids else {})} for t, p, q, s, i in TRADES]


def maker(side):
    return "true" if side == "sell" else "false"


AGG = ["agg_trade_id", "price", "quantity", "first_trade_id", "last_trade_id", "transact_time", "is_buyer_maker"]
agg = [(i, p, q, i * 2, i * 2 + 1, MS + t, maker(s)) for t, p, q, s, i in TRADES]
put("ABCUSDT-aggTrades-2025-12-01.zip", zipped([("ABCUSDT-aggTrades-2025-12-01.csv", lines(agg, AGG))]), "trades", trades("ABCUSDT"),
    preset="Binance aggTrades")
put("ABDUSDT-aggTrades-2025-12-01.csv", lines([(*row, "True") for row in agg]), "trades", trades("ABDUSDT"), preset="Binance spot aggTrades")
micro = [(i, p, q, 1, (MS + t) * 1000, maker(s).title(), "True") for t, p, q, s, i in TRADES]
put("ABEUSDT-trades-2025-12-01.csv", lines(micro), "trades", trades("ABEUSDT"), preset="Binance spot trades")
spot = [(i, p, q, 1, MS + t, maker(s)) for t, p, q, s, i in TRADES]
put("ABFUSDT-trades-2025-12-01.csv", lines(spot, ["id", "price", "qty", "quote_qty", "time", "is_buyer_maker"]), "trades", trades("ABFUSDT"),
    preset="Binance trades")

# Bars: minutes after MS, open, high, low, close, volume, quote volume.
BARS = [(0, "0.412", "0.418", "0.411", "0.415", "900", "371.1"), (1, "0.415", "0.416", "0.41", "0.411", "120.5", "49.6"),
        (2, "0.411", "0.42", "0.411", "0.42", "80", "33.2")]


def bars(symbol, quote=True):
    keys = ["open", "high", "low", "close", "volume", "quote_volume"]
    return [{"timestamp_us": (MS + n * 60_000) * 1000, "symbol": symbol, **dict(zip(keys[: 6 if quote else 5], v))} for n, *v in BARS]


kline = [(MS + n * 60_000, *v[:5], MS + n * 60_000 + 59_999, v[5], 9, 1, 1, 0) for n, *v in BARS]
KLINE = ["open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count", "taker_buy_volume",
         "taker_buy_quote_volume", "ignore"]
put("ABCUSDT-1m-2025-12-01.csv", lines(kline, KLINE), "bars", bars("ABCUSDT"), preset="Binance klines")
put("ABDUSDT-1m-2025-12-01.zip", zipped([("ABDUSDT-1m-2025-12-01.csv", lines(kline))]), "bars", bars("ABDUSDT"), preset="Binance klines")

QUOTES = [(0, "0.411", "5", "0.412", "7"), (40, "0.411", "6", "0.4121", "7")]


def quotes(symbol, **more):
    keys = ["bid_price", "bid_quantity", "ask_price", "ask_quantity"]
    return [{"timestamp_us": (MS + t) * 1000, "symbol": symbol, **dict(zip(keys, v)), **{k: f(n) for k, f in more.items()}}
            for n, (t, *v) in enumerate(QUOTES)]


TICKER = ["update_id", "best_bid_price", "best_bid_qty", "best_ask_price", "best_ask_qty", "transaction_time", "event_time"]
put("ABCUSDT-bookTicker-2025-12-01.csv", lines([(900 + n, *v, MS + t, MS + t + 3) for n, (t, *v) in enumerate(QUOTES)], TICKER), "bbo",
    quotes("ABCUSDT", update_id=lambda n: 900 + n), preset="Binance bookTicker")

BYBIT = ["timestamp", "symbol", "side", "size", "price", "tickDirection", "trdMatchID", "grossValue", "homeNotional", "foreignNotional"]
put("ABCUSDT2025-12-01.csv.gz",
    gz(lines([(f"{MS // 1000 + t // 1000}.{t % 1000:03}", "ABCUSDT", s.title(), q, p, "PlusTick", "5e580a5e-b412", "4.393e+07", q, 1)
              for t, p, q, s, i in TRADES], BYBIT)), "trades", trades("ABCUSDT", ids=False), preset="Bybit trades")
OKX = "trade_id/撮合id,side/交易方向,size/数量,price/价格,created_time/成交时间\n"
okx = lines([(i, s, q, p, MS + t) for t, p, q, s, i in TRADES])
put("ABC-USDT-SWAP-trades-2025-12-01.csv", (OKX + okx).encode("gbk"), "trades", trades("ABC-USDT-SWAP"), preset="OKX trades")
put("allswap-trades-2025-12-01.csv", lines([("ABC-USDT-SWAP", i, s, p, q, MS + t) for t, p, q, s, i in TRADES],
    ["instrument_name", "trade_id", "side", "price", "size", "created_time"]), "trades", trades("ABC-USDT-SWAP"), preset="OKX trades")


def received(rows):
    return [{**row, "recv_us": row["timestamp_us"] + 1234} for row in rows]


def tardis(rows):
    return [("bybit", "ABCUSDT", row["timestamp_us"], row["timestamp_us"] + 1234) for row in rows]


T = ["exchange", "symbol", "timestamp", "local_timestamp"]
rows = trades("ABCUSDT")
put("bybit_trades_2025-12-01_ABCUSDT.csv.gz", gz(lines([(*head, i, s, p, q) for head, (t, p, q, s, i) in zip(tardis(rows), TRADES)],
    T + ["id", "side", "price", "amount"])), "trades", received(rows), preset="Tardis trades")
CHANGES = [(0, 1, "bid", "0.411", "5"), (0, 1, "ask", "0.412", "7"), (40, 0, "bid", "0.411", "0")]
rows = [{"timestamp_us": (MS + t) * 1000, "symbol": "ABCUSDT", "side": s, "price": p, "quantity": q, "is_snapshot": k}
        for t, k, s, p, q in CHANGES]
put("bybit_incremental_book_L2_2025-12-01_ABCUSDT.csv.gz",
    gz(lines([(*head, "true" if k else "false", s, p, q) for head, (t, k, s, p, q) in zip(tardis(rows), CHANGES)],
             T + ["is_snapshot", "side", "price", "amount"])), "l2", received(rows), preset="Tardis incremental_book_L2")
BOOK = [(0, [("0.412", "7"), ("0.4121", "1")], [("0.411", "5"), ("0.4109", "2")]), (100, [("0.412", "8"), ("", "")], [("0.411", "5"), ("0.41", "2")])]
rows, cells = [], []
for t, asks, bids in BOOK:
    cells.append(("bybit", "ABCUSDT", (MS + t) * 1000, (MS + t) * 1000 + 1234, *[v for a, b in zip(asks, bids) for v in (*a, *b)]))
    for side, levels in (("bid", bids), ("ask", asks)):
        rows += [{"timestamp_us": (MS + t) * 1000, "symbol": "ABCUSDT", "side": side, "level": n + 1, "price": p, "quantity": q}
                 for n, (p, q) in enumerate(levels) if p]
put("bybit_book_snapshot_5_2025-12-01_ABCUSDT.csv",
    lines(cells, T + [f"{side}[{n}].{what}" for n in range(2) for side in ("asks", "bids") for what in ("price", "amount")]), "book20",
    received(rows), preset="Tardis book_snapshot")
rows = [{"timestamp_us": MS * 1000, "symbol": "ABCUSDT", "mark_price": "0.4122", "index_price": "0.4119"}]
put("bybit_derivative_ticker_2025-12-01_ABCUSDT.csv",
    lines([(*tardis(rows)[0], "", "0.0001", "", "500", "0.412", "0.4119", "0.4122"), (*tardis(rows)[0], "", "", "", "501", "", "", "")],
          T + ["funding_timestamp", "funding_rate", "predicted_funding_rate", "open_interest", "last_price", "index_price", "mark_price"]),
    "marks", received(rows), preset="Tardis derivative_ticker")

put("ABC_2025-12-01 00.00.csv", lines([("ABC/BTC", MS + t, "2025-12-01T00:00:00.000Z", s, p, q, "0.0003") for t, p, q, s, i in TRADES],
    ["symbol", "timestamp", "datetime", "side", "price", "amount", "btc_volume"]), "trades", trades("ABC/BTC", ids=False),
    preset="pump-and-dump downloader trades")

lists = [[MS + n * 60_000, *map(float, v[:5])] for n, *v in BARS]
put("ABC_USDT_USDT-1m-futures.json", json.dumps(lists), "bars", bars("ABC_USDT", quote=False), preset="a list of candles")
put("ABD_USDT-1m.json.gz", gz(json.dumps(lists, indent=1)), "bars", bars("ABD_USDT", quote=False), preset="a list of candles")
put("ABC_USDT-trades.json.gz", gz(json.dumps([[MS + t, str(i), None, s, float(p), float(q), 1.0] for t, p, q, s, i in TRADES])), "trades",
    trades("ABC_USDT"), preset="freqtrade trades")
put("ccxt-trades.json", json.dumps([{"id": str(i), "timestamp": MS + t, "symbol": "ABC/USDT:USDT", "side": s, "price": float(p),
    "amount": float(q), "info": {"x": [1]}} for t, p, q, s, i in TRADES]), "trades", trades("ABC/USDT:USDT"), preset="ccxt trades")

deal = [{"p": float(p), "v": float(q), "T": 1 if s == "buy" else 2, "O": 3, "M": 1, "t": MS + t} for t, p, q, s, i in TRADES]
put("ABC_USDT-deals.json", json.dumps({"success": True, "code": 0, "data": deal[::-1]}), "trades", trades("ABC_USDT", ids=False),
    preset="MEXC deals of the REST interface")
pushed = [{"symbol": "ABD_USDT", "data": [{**d, "i": str(7001 + n)}], "channel": "push.deal", "ts": d["t"]} for n, d in enumerate(deal)]
pushed.insert(1, {"channel": "pong", "data": 1, "ts": MS})
put("pushed-deals.jsonl", "".join(json.dumps(line) + "\n" for line in pushed), "trades", trades("ABD_USDT"), preset="pushed MEXC deals")
columns = {"time": [MS // 1000 + n * 60 for n, *_ in BARS]}
for at, key in enumerate(["open", "high", "low", "close", "vol", "amount"]):
    columns[key] = [float(v[at]) for _, *v in BARS]
put("ABC_USDT-kline.json", json.dumps({"success": True, "code": 0, "data": columns}), "bars", bars("ABC_USDT"), preset="MEXC klines of the REST interface")
states = []
for n, o, h, l, c, q, a in BARS + [(3, *BARS[0][1:])]:
    for close in (o, c):
        states.append({"channel": "push.kline", "data": {"a": float(a), "c": float(close), "h": float(h), "interval": "Min1", "l": float(l), "o": float(o),
            "q": float(q), "symbol": "ABD_USDT", "t": MS // 1000 + n * 60}, "symbol": "ABD_USDT", "ts": MS})
put("pushed-klines.jsonl", "".join(json.dumps(line) + "\n" for line in states), "bars", bars("ABD_USDT"), preset="pushed MEXC klines")

with open(os.path.join(HERE, "expected.json"), "w") as f:
    json.dump(EXPECTED, f, indent=1, ensure_ascii=False)
    f.write("\n")
