"""The exchange answers 510, or its network 403, while 60 books must be fetched: no call too many, all books live soon after the end."""

import http.client
import json
import time
import urllib.parse

from world import at_once, within

BESIDE = True
BOOKS = 60
# The exchange's limit for books and tickers.
CALLS, WINDOW_MS = 10, 2_000
FIRST_S, ALL_S = 10, 30


def attack(world):
    refused_s = world.pick(90, 600)
    outcomes = at_once(2, lambda index: refused(world, ["throttled", "denied"][index], refused_s))
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return f"{refused_s} s of each, {BOOKS} books; {'; '.join(outcomes)}"


def refused(world, fault, seconds):
    exchange = world.exchange("--generate", f"{BOOKS}x600", "--seed", str(world.chance.randrange(10**6)))
    daemon = world.daemon(exchange={"enabled": True, "rest_url": exchange.rest_url, "ws_url": exchange.ws_url}, recording={"min_free_mib": 0})
    names = [f"C{number}_USDT" for number in range(BOOKS)]
    body = {"session_type": "collect", "symbols": names, "config": {"data_types": ["tick_prices", "orderbook_changes"]}}
    status, started = daemon.ask("POST", "/sessions/start", body, daemon.admin)
    assert status == 200, started
    calls = Calls(exchange)
    within(60, lambda: calls.read() or len(calls.books_since(0)) == BOOKS, every=0.5)

    begin_ms = now_ms(exchange)
    ask(exchange, "POST", "/fault", {"fault": fault, "path": "/contract/", "for_ms": seconds * 1_000})
    for name in names:
        ask(exchange, "POST", "/fault", {"fault": "skip_versions", "symbol": name, "count": 20})
    end_ms = begin_ms + seconds * 1_000
    told = False
    while now_ms(exchange) < end_ms:
        calls.read()
        _, ready = daemon.ask("GET", "/health/ready")
        told |= ready.get("data", ready)["exchange"]["status"] == "throttled"
        time.sleep(1)
    assert told, f"{fault}: readiness never said that the exchange refuses"
    within(ALL_S + 5, lambda: calls.read() or len(calls.books_since(end_ms)) == BOOKS, every=0.5)
    first, last = (pick(calls.books_since(end_ms).values()) - end_ms for pick in (min, max))
    assert first <= FIRST_S * 1_000, f"{fault}: the first call was served {first} ms after the end"
    assert last <= ALL_S * 1_000, f"{fault}: the last book was served {last} ms after the end"
    most, tried = calls.most(), calls.tried(begin_ms, end_ms)
    assert most <= CALLS, f"{fault}: {most} calls for books and tickers within {WINDOW_MS} ms"
    return f"{fault}: {tried} calls meanwhile, first served {first / 1_000:.1f} s and last book {last / 1_000:.1f} s after the end, at most {most} calls in 2 s"


class Calls:
    """Calls for books and tickers in the log of the exchange."""

    def __init__(self, exchange):
        self.exchange = exchange
        self.number = 0
        self.all = []

    def read(self):
        """Reads on. Calls without an answer yet are read again."""
        for call in ask(self.exchange, "GET", f"/requests?after={self.number}")["requests"]:
            if call["method"] != "WS" and call["status"] is None:
                break
            self.number = call["number"]
            if "/contract/depth/" in call["target"] or "/contract/ticker" in call["target"]:
                self.all.append(call)

    def books_since(self, at_ms):
        """Symbol and time of the first served book of each symbol since then."""
        served = {}
        for call in self.all:
            if call["at_ms"] >= at_ms and (call["status"], call["code"]) == (200, 0) and "/depth/" in call["target"]:
                served.setdefault(call["target"].split("/depth/")[1].split("?")[0], call["at_ms"])
        return served

    def most(self):
        """The most calls in any window."""
        times = sorted(call["at_ms"] for call in self.all)
        return max(sum(1 for other in times if at <= other < at + WINDOW_MS) for at in times)

    def tried(self, begin_ms, end_ms):
        return sum(1 for call in self.all if begin_ms <= call["at_ms"] < end_ms)


def now_ms(exchange):
    return ask(exchange, "GET", "/truth")["now_ms"]


def ask(exchange, method, path, body=None):
    """Asks the control port of a rehearsal exchange."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(exchange.control_url).netloc, timeout=30)
    try:
        connection.request(method, path, json.dumps(body) if body else None)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)
    finally:
        connection.close()
