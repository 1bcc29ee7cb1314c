"""A viewer starts 70 exports and reads none: other requests stay fast, and exports work again afterwards."""

import time

from world import at_once, timed, within

EXPORTS = 70
# Time limit of every other request meanwhile.
PATIENCE_S = 3


def attack(world):
    folder = world.place()
    recording = world.recording(folder / "state", 300_000)
    daemon = world.daemon(folder)
    # Repeated logins end a user's oldest login, so another user does them.
    viewer = daemon.user("reader", "viewer")
    daemon.user("viewer", "viewer")
    export = daemon.head("GET", f"/api/data-collection/{recording}/export?format=csv&kind=trades", viewer)

    def begin(_):
        unread = daemon.socket(receive_bytes=4_096)
        unread.sendall(export)
        return unread, status(unread)

    begun = at_once(EXPORTS, begin)
    unanswered = [outcome for outcome in begun if isinstance(outcome, Exception)]
    assert not unanswered, f"{len(unanswered)} were not answered: {unanswered[0]!r}"
    answers = [answer for _, answer in begun]
    served, refused = answers.count(200), answers.count(429)
    assert served + refused == EXPORTS and 1 <= served <= 8, f"{served} begun, {refused} refused"

    slowest = {}
    started = time.monotonic()
    while time.monotonic() - started < world.pick(8, 60):
        for name, ask in {
            "health": lambda: daemon.ask("GET", "/health", timeout=PATIENCE_S),
            "readiness": lambda: daemon.ask("GET", "/health/ready", timeout=PATIENCE_S),
            "login": lambda: log_in(daemon),
            "start and stop": lambda: start_and_stop(daemon, recording),
            "write": lambda: write(daemon, world),
        }.items():
            took, (answer, body) = timed(ask)
            assert answer in (200, 201), f"{name}: {answer} {body}"
            slowest[name] = max(slowest.get(name, 0), took)

    def is_served():
        with daemon.socket() as asked:
            asked.sendall(export)
            return status(asked) == 200

    back = within(30, is_served, every=0.5)
    for unread, _ in begun:
        unread.close()
    figures = ", ".join(f"{name} {1_000 * took:.0f} ms" for name, took in slowest.items())
    return f"{served} begun, {refused} refused with 429; slowest {figures}; exports again after {time.monotonic() - started:.0f} s ({back:.1f} s)"


def status(bare):
    """Reads the first bytes of an answer; returns its status."""
    return int(bare.recv(12)[9:12])


def log_in(daemon):
    return daemon.ask("POST", "/api/v1/auth/login", {"username": "viewer", "password": "a password for attacks"}, timeout=PATIENCE_S)


def start_and_stop(daemon, recording):
    """Starts and stops a backtest that would take hours."""
    body = {
        "session_type": "backtest",
        "strategy_config": {"strategies": ["pump_v2"]},
        "config": {"session_id": recording, "acceleration_factor": 1},
    }
    answer, started = daemon.ask("POST", "/sessions/start", body, daemon.admin, timeout=PATIENCE_S)
    assert answer == 200, started
    id = started["data"]["session_id"]
    return daemon.ask("POST", "/sessions/stop", {"session_id": id}, daemon.admin, timeout=PATIENCE_S)


def write(daemon, world):
    """Creates a user and removes it, which writes to the store twice and leaves room for the next."""
    name = f"u{world.chance.randrange(10**9)}"
    body = {"username": name, "password": "a long password", "role": "viewer"}
    created = daemon.ask("POST", "/api/users", body, daemon.admin, timeout=PATIENCE_S)
    if created[0] == 201:
        removed = daemon.ask("DELETE", f"/api/users/{name}", None, daemon.admin, timeout=PATIENCE_S)
        assert removed[0] == 200, removed
    return created
