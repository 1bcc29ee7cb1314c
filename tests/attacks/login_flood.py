"""One address, then many, try wrong passwords for many names: valid logins from another address succeed."""

import threading

from world import PASSWORD, timed

LOGINS = 30


def attack(world):
    figures = [flood(world, ["127.0.0.1"], 20), flood(world, [f"127.0.1.{n}" for n in range(1, 41)], 40)]
    return "; ".join(figures)


def flood(world, sources, threads):
    daemon = world.daemon(http={"requests_per_second": 1_000_000, "request_burst": 1_000_000})
    daemon.user("anna", "viewer")
    over, counts, lock = threading.Event(), {}, threading.Lock()

    def guess(index):
        chance = world.chance.randrange(10**9)
        number = 0
        while not over.is_set():
            number += 1
            body = {"username": f"n{chance}-{number}", "password": "a wrong password"}
            status, _ = daemon.ask("POST", "/api/v1/auth/login", body, source=sources[index % len(sources)])
            with lock:
                counts[status] = counts.get(status, 0) + 1

    attackers = [threading.Thread(target=guess, args=(index,)) for index in range(threads)]
    for attacker in attackers:
        attacker.start()
    try:
        right = {"username": "anna", "password": PASSWORD}
        logins = [timed(lambda: daemon.ask("POST", "/api/v1/auth/login", right, source="127.0.2.1")) for _ in range(world.pick(LOGINS, 10 * LOGINS))]
    finally:
        over.set()
        for attacker in attackers:
            attacker.join()
    refused = [body for _, (status, body) in logins if status != 200]
    assert not refused, f"{len(refused)} of {len(logins)} right logins refused: {refused[0]}"
    slowest = max(took for took, _ in logins)
    tried = ", ".join(f"{count} × {status}" for status, count in sorted(counts.items()))
    guessing = "one address" if len(sources) == 1 else f"{len(sources)} addresses"
    return f"{guessing} guessing ({tried}): {len(logins)} of {len(logins)} right logins, slowest {1_000 * slowest:.0f} ms"
