"""Queries a rehearsal exchange through ccxt, an independent client, and compares with the state at its control port.

    check.py REST CONTROL KEY SECRET

Exits with 1 and one line per difference.
"""

import json
import time

import ccxt
from common import SYMBOL, check, client, control, end, equal, market, until

exchange = client(ccxt.mexc)
markets = exchange.load_markets()
terms = markets[SYMBOL]
equal((terms["id"], terms["linear"], terms["contractSize"], terms["active"]), ("BTC_USDT", True, 0.001, True), "the contract")
equal((terms["precision"]["price"], terms["precision"]["amount"]), (0.1, 1.0), "its steps")
check(any(market["symbol"] == SYMBOL for market in exchange.fetch_markets()), "fetch_markets lists it")
check(abs(exchange.fetch_time() - time.time() * 1000) < 5_000, "fetch_time is now")

# The market is paused while values are compared.
until(lambda: len(market()["bids"]) >= 5 and market()["deals"] >= 10, "a book and deals")
control("/pause", "")
until(lambda: (lambda a, b: a == b and a)(market(), market()), "a market at rest")
truth = market()
book = exchange.fetch_order_book(SYMBOL, 20)
equal(book["nonce"], truth["version"], "the book's version")
for side in ("bids", "asks"):
    equal([level[:2] for level in book[side]], [[float(price), float(size)] for price, size in truth[side][:20]], f"the {side}")
ticker = exchange.fetch_ticker(SYMBOL)
equal((ticker["last"], ticker["bid"], ticker["ask"]), (truth["last"], truth["bids"][0][0], truth["asks"][0][0]), "the ticker")
equal(exchange.fetch_tickers([SYMBOL])[SYMBOL]["last"], truth["last"], "the ticker among all")
trades = exchange.fetch_trades(SYMBOL, limit=100)
check(len(trades) >= 10 and trades[-1]["price"] == truth["last"], "the newest trade is the last price")
check(all(trade["side"] in ("buy", "sell") and trade["amount"] > 0 for trade in trades), "trades have sides and amounts")
candles = exchange.fetch_ohlcv(SYMBOL, "1m")
equal(candles[-1][4], truth["last"], "the close of the newest candle")
check(all(low <= min(first, last) and high >= max(first, last) for _, first, high, low, last, _ in candles), "candles are candles")
funding = exchange.fetch_funding_rate(SYMBOL)
check(funding["fundingRate"] == 0.0001 and funding["fundingTimestamp"] > time.time() * 1000, "the funding rate")

account = control("/truth")["accounts"][0]
balance = exchange.fetch_balance()
equal((balance["USDT"]["total"], balance["USDT"]["free"]), (account["balance"], account["balance"]), "the balance")
equal(exchange.fetch_positions(), [], "no positions")

tick = 0.1
resting = exchange.create_order(SYMBOL, "limit", "buy", 3, round(truth["bids"][0][0] - 100 * tick, 1), {"openType": 1, "leverage": 20, "externalOid": "ccxt-1"})
open_orders = until(lambda: exchange.fetch_open_orders(SYMBOL), "an open order")
equal([(order["id"], order["amount"], order["side"], order["status"]) for order in open_orders], [(resting["id"], 3.0, "buy", "open")], "the open order")
equal(exchange.fetch_order(resting["id"], SYMBOL)["info"]["externalOid"], "ccxt-1", "it is found by its number")
exchange.cancel_order(resting["id"], SYMBOL)
equal(exchange.fetch_order(resting["id"], SYMBOL)["status"], "canceled", "it is cancelled")
equal(exchange.fetch_open_orders(SYMBOL), [], "no open order is left")

taken = exchange.create_order(SYMBOL, "market", "buy", 5, None, {"openType": 1, "leverage": 20})
filled = until(lambda: (lambda order: order["status"] == "closed" and order)(exchange.fetch_order(taken["id"], SYMBOL)), "a fill")
equal((filled["filled"], filled["average"]), (5.0, truth["asks"][0][0]), "the market order is filled at the best ask")
positions = exchange.fetch_positions([SYMBOL])
equal([(position["side"], position["contracts"], position["entryPrice"]) for position in positions], [("long", 5.0, truth["asks"][0][0])], "the position")
paid = exchange.fetch_my_trades(SYMBOL)
equal(round(sum(trade["fee"]["cost"] for trade in paid), 9), round(5 * 0.001 * truth["asks"][0][0] * 0.0008, 9), "the fee")
account = control("/truth")["accounts"][0]
equal(account["balance"], account["ledger"]["balance"], "the ledger proves the balance")
free = account["balance"] - sum(position["im"] for position in account["positions"])
equal(exchange.fetch_balance()["USDT"]["free"], round(free, 9), "what is free after it")

try:
    exchange.create_order(SYMBOL, "limit", "buy", 1_000_000, truth["bids"][0][0], {"openType": 1, "leverage": 20})
    check(False, "an order without money is refused")
except ccxt.InsufficientFunds:
    check(True, "an order without money is InsufficientFunds")
for fault, error in (("throttled", ccxt.RateLimitExceeded), ("denied", ccxt.BaseError), ("gateway", ccxt.NetworkError)):
    control("/fault", json.dumps({"fault": fault, "path": "/ping"}))
    try:
        exchange.fetch_time()
        check(False, f"{fault} is an error")
    except error as raised:
        check(True, f"{fault} is {type(raised).__name__}")

end()
