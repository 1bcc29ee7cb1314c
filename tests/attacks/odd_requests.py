"""Pipes in place of files, requests whose end two parsers see differently, forwarded requests for figures, replays that nobody reads."""

import os
import signal

from world import at_once, timed, within

FRAMINGS = [
    "Transfer-Encoding: gzip, chunked",
    "Transfer-Encoding: identity, chunked",
    "Transfer-Encoding: chunked,chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
]
FORWARDED = ["X-Forwarded-For: 1.2.3.4", "X-Real-IP: 1.2.3.4", "Via: 1.1 proxy", "Forwarded: for=1.2.3.4"]
REPLAYS = 70
PATIENCE_S = 3


def attack(world):
    folder = world.place()
    recording = world.recording(folder / "state", 50_000)
    imports = world.place()
    os.mkfifo(imports / "a.trades.csv")
    daemon = world.daemon(folder, **{"import": {"folder": str(imports)}})
    figures = [framings(daemon), forwarded(daemon), replays(daemon, recording), pipe(daemon)]
    return "; ".join(figures)


def framings(daemon):
    """None of them lets the bytes behind its body count as a request."""
    for framing in FRAMINGS:
        with daemon.socket() as odd:
            head = daemon.head("POST", "/api/v1/auth/login")[:-2]
            odd.sendall(head + framing.encode() + b"\r\n\r\n0\r\n\r\n" + daemon.head("GET", "/health"))
            told = everything(odd)
            assert told.startswith(b"HTTP/1.1 4") and told.count(b"HTTP/1.1") == 1, f"{framing}: {told}"
    return f"{len(FRAMINGS)} odd framings refused, each closed"


def forwarded(daemon):
    """The figures are for this host; a request that came through a proxy is not from it."""
    for header in FORWARDED:
        with daemon.socket() as asked:
            asked.sendall(daemon.head("GET", "/metrics")[:-2] + header.encode() + b"\r\nConnection: close\r\n\r\n")
            told = everything(asked)
            assert told.startswith((b"HTTP/1.1 401", b"HTTP/1.1 403")), f"{header}: {told[:200]}"
    return f"{len(FORWARDED)} forwarded requests for /metrics refused"


def replays(daemon, recording):
    """Clients that ask for a replay and do not wait for it leave room for everyone else."""
    body = {
        "session_type": "backtest",
        "strategy_config": {"strategies": ["pump_v2"]},
        "config": {"session_id": recording},
    }
    status, started = daemon.ask("POST", "/sessions/start", body, daemon.admin)
    assert status == 200, started
    session = started["data"]["session_id"]
    within(60, lambda: daemon.ask("GET", f"/sessions/{session}", login=daemon.admin)[1]["data"]["status"] == "completed")
    head = daemon.head("GET", f"/sessions/{session}/replay", daemon.admin)

    def begin(_):
        bare = daemon.socket(receive_bytes=4_096)
        bare.sendall(head)
        return bare

    begun = at_once(REPLAYS, begin)
    slowest = 0
    for _ in range(20):
        for path in ["/health", "/health/ready", "/sessions"]:
            took, (status, answer) = timed(lambda path=path: daemon.ask("GET", path, login=daemon.admin, timeout=PATIENCE_S))
            assert status == 200, f"{path}: {answer}"
            slowest = max(slowest, took)
    for bare in begun:
        bare.close()
    return f"{REPLAYS} replays that nobody reads: others within {1_000 * slowest:.0f} ms"


def pipe(daemon):
    """A pipe is refused at once and does not delay the end of the daemon."""
    status, answer = daemon.ask("POST", "/api/data-collection/import", {"path": "a.trades.csv"}, daemon.admin)
    assert status == 400, answer
    daemon.child.send_signal(signal.SIGTERM)
    took, code = timed(lambda: daemon.child.wait(30))
    assert code == 0, f"exit code {code}"
    return f"a pipe refused, ended after {took:.1f} s"


def everything(bare):
    """All bytes until the other side closes."""
    told = b""
    while part := bare.recv(65_536):
        told += part
    return told
