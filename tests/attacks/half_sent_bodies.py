"""Half-sent request bodies of anonymous clients and large ones of a viewer: memory is bounded and released."""

import json
import threading
import time

from world import at_once, need_files

# Memory counts as released when resident memory is at most this share above its initial value.
SHARE = 0.10
WITHIN_S = 60


def attack(world):
    count = world.pick(500, 3_000)
    need_files(count + 500)
    daemon = world.daemon(http={"requests_per_second": 1_000_000, "request_burst": 1_000_000})
    viewer = daemon.user("viewer", "viewer")
    # Warm-up: code pages become resident on first use and stay resident.
    large(daemon, viewer, 1)
    half_sent(daemon, 100, 2**20 - 1, 2**20)
    large(daemon, viewer, 8)
    # Until the allocator has released the memory of the warm-up.
    time.sleep(20)
    start = daemon.rss_mib()
    figures = []
    for name, bytes_sent, announced in [("1 MiB", 2**20 - 1, 2**20), ("4 KiB", 2**12 - 1, 2**12)]:
        highest = half_sent(daemon, count, bytes_sent, announced)
        figures.append(f"{count} half-sent logins of {name}: at most {highest:.0f} MiB")
    highest = highest_while(daemon, lambda: large(daemon, viewer, 64))
    figures.append(f"64 validations of 900 KB: at most {highest:.0f} MiB")
    assert highest < world.pick(400, 400), f"{highest:.0f} MiB"
    started = time.monotonic()
    while daemon.rss_mib() > (1 + SHARE) * start:
        waited = time.monotonic() - started
        assert waited < WITHIN_S, f"{start:.1f} MiB at first, still {daemon.rss_mib():.1f} MiB after {waited:.0f} s; {'; '.join(figures)}"
        time.sleep(0.5)
    figures.append(f"{start:.1f} MiB at first, {daemon.rss_mib():.1f} MiB {time.monotonic() - started:.0f} s later")
    return "; ".join(figures)


def highest_while(daemon, work):
    """Peak resident memory in MiB while `work()` runs."""
    highest, over = [0.0], threading.Event()

    def look():
        while not over.wait(0.02):
            highest[0] = max(highest[0], daemon.rss_mib())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        work()
    finally:
        over.set()
        looking.join()
    return highest[0]


def half_sent(daemon, count, bytes_sent, announced):
    head = daemon.head("POST", "/api/v1/auth/login", Content_Type="application/json", Content_Length=announced)
    body = b"{" + b" " * (bytes_sent - 1)

    def work():
        connections = []
        for _ in range(count):
            bare = daemon.socket()
            connections.append(bare)
            try:
                bare.sendall(head + body)
            except OSError:
                # The daemon refused it before everything was sent.
                pass
        time.sleep(2)
        for bare in connections:
            bare.close()

    return highest_while(daemon, work)


def large(daemon, viewer, count):
    """Sends `count` concurrent validations of documents whose parsed form is as large as possible."""
    document = json.dumps({"strategy_name": "x", "extensions": {f"k{n}": [0, 0, 0] for n in range(45_000)}}).encode()

    def validate(_):
        status, body = daemon.ask("POST", "/api/strategies/validate", document, viewer, timeout=120)
        assert status in (200, 429), f"{status} {body}"
        return status

    outcomes = at_once(count, validate)
    broken = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert not broken, f"{len(broken)} of {count} were not answered: {broken[0]!r}"
