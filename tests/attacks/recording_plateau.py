"""Two long recordings of 500 and of 2,000 messages per second: resident memory reaches a plateau."""

import time

BESIDE = True
# MiB that the peak of the last third of the time may exceed that of the second third, apart from the store's page
# cache, which grows with the store up to STORE_CACHE_BYTES.
GROWTH_MIB = 8
CACHE_MIB = 64


def attack(world):
    seconds = world.pick(180, 3_600)
    runs = [(name, recording(world, symbols, messages)) for name, symbols, messages in [("500/s", 10, 500), ("2,000/s", 20, 2_000)]]
    samples = {name: [] for name, _ in runs}
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        time.sleep(1)
        for name, daemon in runs:
            samples[name].append((daemon.rss_mib(), store_mib(daemon)))
    figures = []
    for name, daemon in runs:
        rows = recorded(daemon)
        third = len(samples[name]) // 3
        before, after = (max(rss for rss, _ in part) for part in (samples[name][third : 2 * third], samples[name][2 * third :]))
        stored = [min(samples[name][index][1], CACHE_MIB) for index in (third, -1)]
        figure = f"{name}: {before:.0f} MiB, then {after:.0f} MiB, {rows} rows in {store_mib(daemon):.0f} MiB"
        assert rows > 0, f"{name}: nothing was recorded"
        assert after - before < GROWTH_MIB + stored[1] - stored[0], figure
        figures.append(figure)
    return f"{seconds} s, {'; '.join(figures)}"


def recording(world, symbols, messages):
    """A daemon that records a generated market; `messages` is the total per second of all symbols."""
    exchange = world.exchange("--generate", f"{symbols}x{messages}", "--seed", str(world.chance.randrange(10**6)))
    daemon = world.daemon(exchange={"enabled": True, "rest_url": exchange.rest_url, "ws_url": exchange.ws_url}, recording={"min_free_mib": 0})
    status, listed = daemon.ask("GET", "/api/exchange/symbols?scope=all")
    assert status == 200, listed
    names = [symbol["symbol"] for symbol in listed["data"]["symbols"]][:symbols]
    status, started = daemon.ask("POST", "/sessions/start", {"session_type": "collect", "symbols": names}, daemon.admin)
    assert status == 200, started
    return daemon


def store_mib(daemon):
    return (daemon.folder / "state" / "tradingd.redb").stat().st_size / 2**20


def recorded(daemon):
    _, listed = daemon.ask("GET", "/api/data-collection/sessions")
    return listed["sessions"][0]["records_collected"]
