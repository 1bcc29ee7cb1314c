"""The WebSocket through ccxt: books, deals, tickers, candles, funding, and the private pushes of an account.

    sockets.py REST CONTROL KEY SECRET

ccxt reads orders, deals and assets of the private socket; positions, trigger orders and stops it does not.
Exits with 1 and one line per difference.
"""

import asyncio

import ccxt.pro
from common import SYMBOL, account, check, client, end, equal, market


async def main():
    exchange = client(ccxt.pro.mexc)
    try:
        await exchange.load_markets()
        within = lambda what: asyncio.wait_for(what, 30)
        book = await within(exchange.watch_order_book(SYMBOL))
        check(book["bids"][0][0] < book["asks"][0][0], "a book")
        check((await within(exchange.watch_trades(SYMBOL)))[-1]["price"] > 0, "deals")
        check((await within(exchange.watch_ticker(SYMBOL)))["last"] > 0, "a ticker")
        check(SYMBOL in await within(exchange.watch_tickers([SYMBOL])), "tickers")
        check(len(await within(exchange.watch_ohlcv(SYMBOL, "1m"))) >= 1, "candles")
        check((await within(exchange.watch_funding_rate(SYMBOL)))["fundingRate"] is not None, "the funding rate")

        orders = asyncio.ensure_future(within(exchange.watch_orders(SYMBOL)))
        deals = asyncio.ensure_future(within(exchange.watch_my_trades(SYMBOL)))
        balance = asyncio.ensure_future(within(exchange.watch_balance()))
        # The login is on its way; pushes are for those who are logged in.
        while not any(row["method"] == "WS" and "login" in row["body"] for row in asked()):
            await asyncio.sleep(0.05)
        placed = await exchange.create_order(SYMBOL, "market", "buy", 2, None, {"openType": 1, "leverage": 20})
        equal((await orders)[-1]["id"], placed["id"], "the order is pushed")
        deal = (await deals)[-1]
        equal((deal["order"], deal["amount"]), (placed["id"], 2.0), "and its deal")
        check((await balance)["USDT"]["free"] is not None, "and the balance")
        await exchange.close_all_positions()
        check(market()["deals"] > 0 and account()["fills"] >= 2, "the truth has them")
    finally:
        await exchange.close()


def asked():
    from common import control

    return control("/requests")["requests"]


asyncio.run(main())
end()
