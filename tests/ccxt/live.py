"""The calls of live trading through ccxt: triggers, stops, leverage, modes, lists, faults of an account.

    live.py REST CONTROL KEY SECRET

ccxt has no unified function for `stoporder/...`, `order/external` and the like, but it signs and sends them.
Exits with 1 and one line per difference.
"""

import ccxt
from common import SYMBOL, account, check, client, control, end, equal, fault, market, until

ID = "BTC_USDT"
exchange = client(ccxt.mexc)
exchange.load_markets()
until(lambda: len(market()["bids"]) >= 5 and market()["deals"] >= 10, "a book and deals")
control("/pause", "")
until(lambda: (lambda a, b: a == b and a)(market(), market()), "a market at rest")
last = market()["last"]
opening = {"openType": 1, "leverage": 20}


def flat():
    exchange.close_all_positions()
    exchange.cancel_all_orders(SYMBOL)
    exchange.cancel_all_orders(SYMBOL, {"method": "contractPrivatePostPlanorderCancelAll"})
    until(lambda: not exchange.fetch_positions(), "a flat account")


def data(reply):
    equal(reply["success"], True, "success")
    return reply.get("data")


flat()

# Leverage and modes.
exchange.set_leverage(10, SYMBOL, {"openType": 1, "positionType": 1})
exchange.set_leverage(20, SYMBOL, {"openType": 1, "positionType": 2})
leverage = exchange.fetch_leverage(SYMBOL)
equal((leverage["longLeverage"], leverage["shortLeverage"]), (10, 20), "leverage is per side")
exchange.set_margin_mode("isolated", SYMBOL, {"leverage": 20, "direction": "long"})
equal(exchange.fetch_leverage(SYMBOL)["longLeverage"], 20, "a margin mode brings a leverage")
equal(exchange.fetch_position_mode(SYMBOL)["hedged"], True, "the position mode")
exchange.set_position_mode(False)
equal(exchange.fetch_position_mode(SYMBOL)["hedged"], False, "is one-way now")
exchange.set_position_mode(True)
tiers = exchange.fetch_market_leverage_tiers(SYMBOL)
check(len(tiers) >= 1 and tiers[0]["maxLeverage"] == exchange.market(SYMBOL)["limits"]["leverage"]["max"], "leverage tiers")
fees = data(exchange.contractPrivateGetAccountTieredFeeRateV2({"symbol": ID}))
equal((float(fees["realMakerFee"]), float(fees["realTakerFee"])), (0.0006, 0.0008), "the fees of the API")

# A position with a stop.
bought = exchange.create_order(SYMBOL, "market", "buy", 6, None, {**opening, "externalOid": "live-1"})
until(lambda: exchange.fetch_order(bought["id"], SYMBOL)["status"] == "closed", "a fill")
equal(len(exchange.fetch_order_trades(bought["id"], SYMBOL)), 1, "the deals of the order")
equal(data(exchange.contractPrivateGetOrderExternalSymbolExternalOid({"symbol": ID, "external_oid": "live-1"}))["orderId"], bought["id"], "it is found by its external id")
unknown = exchange.contractPrivateGetOrderExternalSymbolExternalOid({"symbol": ID, "external_oid": "live-2"})
equal((unknown["success"], "data" in unknown), (True, False), "an unknown external id is a success without data")
position = exchange.fetch_position(SYMBOL)
equal((position["side"], position["contracts"]), ("long", 6.0), "the position")
side = account()["sides"][0]
check(side["bare_since_ms"] is not None and side["resident_stop"] == 0, "the truth: nothing protects it")
exchange.contractPrivatePostStoporderPlace({"positionId": int(position["info"]["positionId"]), "vol": 6, "volType": 2, "stopLossPrice": round(last * 0.98, 1), "takeProfitPrice": round(last * 1.02, 1)})
stops = data(exchange.contractPrivateGetStoporderOpenOrders({"symbol": ID}))
equal([(stop["state"], stop["vol"], stop["positionId"]) for stop in stops], [(1, 6, str(position["info"]["positionId"]))], "a stop on the position")
until(lambda: account()["sides"][0]["bare_since_ms"] is None, "protection")
exchange.contractPrivatePostStoporderChangePlanPrice({"stopPlanOrderId": int(stops[0]["id"]), "stopLossPrice": round(last * 0.985, 1)})
changed = data(exchange.contractPrivateGetStoporderOrderDetailsStopOrderId({"stop_order_id": stops[0]["id"]}))
equal(("takeProfitPrice" in changed, changed["stopLossPrice"]), (False, round(last * 0.985, 1)), "a change removes what it leaves out")
equal(data(exchange.contractPrivateGetStoporderListOrders({"is_finished": 0})), [changed], "and it is listed")
exchange.contractPrivatePostStoporderCancel([{"stopPlanOrderId": int(stops[0]["id"])}])
equal(data(exchange.contractPrivateGetStoporderOpenOrders()), [], "a stop is cancelled")
exchange.contractPrivatePostStoporderPlace({"positionId": int(position["info"]["positionId"]), "vol": 6, "stopLossPrice": round(last * 0.985, 1)})
exchange.add_margin(SYMBOL, 5, {"positionId": int(position["info"]["positionId"])})
exchange.reduce_margin(SYMBOL, 5, {"positionId": int(position["info"]["positionId"])})
fault(fault="jump", symbol=ID, rate=-0.025)
until(lambda: not exchange.fetch_positions(), "the stop closes the position")
done = data(exchange.contractPrivateGetStoporderListOrders({"is_finished": 1}))[0]
equal((done["state"], done["triggerSide"]), (3, 2), "the stop has made its order")
made = exchange.fetch_order(done["placeOrderId"], SYMBOL)
equal((made["info"]["externalOid"].split("_")[0], made["status"]), ("stoporder", "closed"), "which has an external id of its own")
check(any(row["info"]["positionId"] == position["info"]["positionId"] for row in exchange.fetch_positions_history([SYMBOL])), "the position is history")

# Trigger orders.
last = market()["last"]
trigger = exchange.create_order(SYMBOL, "market", "buy", 2, None, {**opening, "triggerPrice": round(last * 1.01, 1), "triggerType": 1, "executeCycle": 2, "trend": 2})
waiting = exchange.fetch_open_orders(SYMBOL, params={"trigger": True})
equal([(order["id"], order["amount"], order["status"]) for order in waiting], [(trigger["id"], 2.0, "open")], "a trigger order waits")
exchange.contractPrivatePostPlanorderChangeStopOrder({"symbol": ID, "orderId": trigger["id"], "stopLossPrice": round(last * 0.9, 1)})
equal(exchange.fetch_open_orders(SYMBOL, params={"trigger": True})[0]["info"]["stopLossPrice"], round(last * 0.9, 1), "its stop price is changed")
exchange.cancel_order(trigger["id"], SYMBOL, {"trigger": True})
equal(exchange.fetch_open_orders(SYMBOL, params={"trigger": True}), [], "it is cancelled")
data(exchange.contractPrivatePostPlanorderPlaceV2({"symbol": ID, "side": 1, "vol": 2, "openType": 1, "leverage": 20, "triggerPrice": round(last * 1.01, 1), "triggerType": 1, "executeCycle": 1, "orderType": 5, "trend": 2}))
fault(fault="fair_price", symbol=ID, price=last * 1.02, for_ms=500)
until(lambda: exchange.fetch_positions(), "the fair price pulls it")
rows = exchange.fetch_orders(SYMBOL, params={"method": "contractPrivateGetPlanorderListOrders", "states": "3"})
equal(len(rows), 1, "a trigger order that made its order")

# Stop prices of an order, partial closes by others, pages.
carrying = exchange.create_order(SYMBOL, "limit", "buy", 3, round(last * 0.99, 1), {**opening, "stopLossPrice": round(last * 0.95, 1)})
equal(exchange.fetch_order(carrying["id"], SYMBOL)["info"]["stopLossPrice"], round(last * 0.95, 1), "an order carries a stop price")
exchange.contractPrivatePostStoporderChangePrice({"orderId": int(carrying["id"]), "stopLossPrice": round(last * 0.94, 1)})
equal(exchange.fetch_order(carrying["id"], SYMBOL)["info"]["stopLossPrice"], round(last * 0.94, 1), "which is changed")
for number in range(3):
    exchange.create_order(SYMBOL, "limit", "buy", 1, round(last * 0.98, 1), {**opening, "externalOid": f"page-{number}"})
pages = [data(exchange.contractPrivateGetOrderListOpenOrders({"page_num": page, "page_size": 3})) for page in (1, 2)]
equal([len(page) for page in pages], [3, 1], "open orders have pages")
equal(len({order["orderId"] for page in pages for order in page}), 4, "and no order is on two")
counts = data(exchange.contractPrivatePostOrderOpenOrderTotalCount())
equal(int(counts["limitOrderCount"]), 4, "and are counted")
try:
    exchange.create_order(SYMBOL, "limit", "buy", 1, round(last * 0.98, 1), {**opening, "externalOid": "page-0"})
    check(False, "an external id is used once")
except ccxt.BaseError as raised:
    check("2042" in str(raised), "an external id is used once: 2042")
try:
    exchange.create_order(SYMBOL, "market", "buy", 0, None, opening)
    check(False, "nothing is no order")
except ccxt.BaseError as raised:
    check("2011" in str(raised) or isinstance(raised, ccxt.InvalidOrder), "nothing is no order")
listed = data(exchange.contractPrivateGetOrderListOpenOrdersSymbol({"symbol": ID, "page_size": 100}))
equal(len(listed), 4, "open orders of a contract")
asked = exchange.contractPrivatePostOrderBatchQueryWithExternal([{"symbol": ID, "externalOid": "page-0"}, {"symbol": ID, "externalOid": "page-1"}])
equal([order["externalOid"] for order in data(asked)], ["page-0", "page-1"], "orders by external ids")
ended = data(exchange.contractPrivatePostOrderCancelWithExternal({"symbol": ID, "externalOid": "page-0"}))
equal(int(ended["errorCode"]), 0, "an order is cancelled by its external id")
ended = data(exchange.contractPrivatePostOrderBatchCancelWithExternal([{"symbol": ID, "externalOid": "page-0"}, {"symbol": ID, "externalOid": "page-9"}]))
equal([int(row["errorCode"]) for row in ended], [2041, 2040], "twice is too late, and an unknown one is unknown")
deals = data(exchange.contractPrivateGetOrderListOrderDealsV3({"symbol": ID, "page_size": 100}))
equal(len(deals), len({deal["id"] for deal in deals}), "deals have ids")
check(ID in data(exchange.contractPrivateGetAccountRiskLimit({"symbol": ID})), "risk limits")
equal(data(exchange.contractPrivateGetAccountAssetCurrency({"currency": "USDT"}))["currency"], "USDT", "one coin")
equal(data(exchange.contractPrivateGetTrackorderListOrders()), [], "no trailing orders")
cancelled = exchange.cancel_orders([order["id"] for order in exchange.fetch_open_orders(SYMBOL)], SYMBOL)
equal(len(cancelled), 3, "several are cancelled at once")
check(len(exchange.fetch_canceled_orders(SYMBOL, params={"page_size": 100})) >= 4, "and listed")
check(len(exchange.fetch_closed_orders(SYMBOL)) >= 2, "filled orders are listed")
fault(fault="adl", symbol=ID, count=1)
equal(exchange.fetch_position(SYMBOL)["contracts"], 1.0, "a part was closed by force")
fault(fault="settle", symbol=ID)
until(lambda: exchange.fetch_funding_history(SYMBOL), "funding is paid")
fault(fault="transfer", rate=12.5)
equal(data(exchange.contractPrivateGetAccountTransferRecord())["resultList"][0]["type"], "IN", "money came in")
flat()
books = account()
equal(books["balance"], books["ledger"]["balance"], "the ledger proves the balance")
names = [order["externalOid"] for order in books["orders"]]
equal(len(names), len(set(names)), "no external id occurs twice")
end()
