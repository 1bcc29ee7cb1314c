"""Two recordings, of 500 and of 2,000 messages a second, run on: resident memory comes to a plateau."""

import time

# MiB by which the last third of the time may lie above the second third.
GROWTH_MIB = 8


def attack(world):
    seconds = world.pick(180, 3_600)
    runs = [(name, recording(world, symbols, messages)) for name, symbols, messages in [("500/s", 10, 500), ("2,000/s", 20, 2_000)]]
    samples = {name: [] for name, _ in runs}
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        time.sleep(1)
        for name, daemon in runs:
            samples[name].append(daemon.rss_mib())
    figures = []
    for name, daemon in runs:
        rows = recorded(daemon)
        third = len(samples[name]) // 3
        before, after = max(samples[name][third : 2 * third]), max(samples[name][2 * third :])
        assert rows > 0, f"{name}: nothing was recorded"
        assert after - before < GROWTH_MIB, f"{name}: {before:.0f} MiB, then {after:.0f} MiB, after {rows} rows"
        figures.append(f"{name}: {before:.0f} MiB, then {after:.0f} MiB, {rows} rows")
    return f"{seconds} s, {'; '.join(figures)}"


def recording(world, symbols, messages):
    """A daemon that records a made-up market: so many symbols, so many messages a second of all together."""
    exchange = world.exchange("--generate", f"{symbols}x{messages}", "--seed", str(world.chance.randrange(10**6)))
    daemon = world.daemon(exchange={"enabled": True, "rest_url": exchange.rest_url, "ws_url": exchange.ws_url}, recording={"min_free_mib": 0})
    status, listed = daemon.ask("GET", "/api/exchange/symbols?scope=all")
    assert status == 200, listed
    names = [symbol["symbol"] for symbol in listed["data"]["symbols"]][:symbols]
    status, started = daemon.ask("POST", "/sessions/start", {"session_type": "collect", "symbols": names}, daemon.admin)
    assert status == 200, started
    return daemon


def recorded(daemon):
    _, listed = daemon.ask("GET", "/api/data-collection/sessions")
    return listed["sessions"][0]["records_collected"]
