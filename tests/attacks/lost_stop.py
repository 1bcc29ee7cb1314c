"""Stops a paper session whose orders take their time, then ends the daemon with SIGTERM or kill -9: a stop that was acknowledged is finished after the restart."""

import json
import pathlib
import signal
import threading
import time

from world import within

DOCUMENT = pathlib.Path(__file__).parents[2] / "benches" / "workloads" / "ema.json"
BESIDE = True
# What the simulated exchange takes, so that positions are still being closed when the daemon ends.
LATENCY_MS = 700
FINAL = {"stopped", "completed", "failed"}


def attack(world):
    count = world.pick(4, 100)
    exchange = world.exchange("--generate", "2x300", "--seed", str(world.chance.randrange(10**6)))
    folder = world.place()
    settings = {
        "exchange": {"enabled": True, "rest_url": exchange.rest_url, "ws_url": exchange.ws_url},
        "recording": {"min_free_mib": 0},
    }
    daemon = world.daemon(folder, **settings)
    write_strategy(daemon)
    acknowledged = finished_before = resumed = 0
    for number in range(count):
        how = [signal.SIGTERM, signal.SIGKILL][number % 2]
        session = start(daemon)
        within(60, lambda: shown(daemon, session)["counters"]["fills"] >= 3)
        answers = []
        asking = threading.Thread(target=lambda: answers.append(stop(daemon, session)))
        asking.start()
        time.sleep(world.chance.random() * 2.5)
        daemon.child.send_signal(how)
        daemon.child.wait(30)
        asking.join(30)
        answer = next((answer for answer in answers if answer), None)
        daemon = again(world, folder, settings)
        what = f"{how.name} {number}, stop answered {answer}"
        if answer == "session_stopped":
            assert shown(daemon, session)["status"] == "stopped", f"{what}: then {shown(daemon, session)}"
            finished_before += 1
        elif answer is None and shown(daemon, session)["status"] == "running":
            # The daemon ended before it had taken the request: nothing was promised.
            resumed += 1
            assert stop(daemon, session) == "session_stopped", what
        acknowledged += answer is not None
        within(30, lambda: shown(daemon, session)["status"] in FINAL)
        ended = shown(daemon, session)
        assert ended["status"] == "stopped" and not ended.get("error_message"), f"{what}: {ended}"
        events = daemon.ask("GET", f"/sessions/{session}/events?limit=1000", login=daemon.admin)[1]["data"]["events"]
        assert [event["seq"] for event in events] == list(range(1, len(events) + 1)), f"{what}: events with holes"
        replay = world.command("replay", session, "--state", str(folder / "state"), "--json")
        assert json.loads(replay)["equal"], f"{what}: {replay}"
    return (
        f"{count} ends of the daemon while a session stops: {acknowledged} stops answered, {finished_before} of them as stopped; "
        f"{count - resumed} finished by the next start, {resumed} went on whose stop had not been taken; every replay equal"
    )


def write_strategy(daemon):
    """A strategy that trades all the time on a price that moves by single ticks."""
    document = json.loads(DOCUMENT.read_text()) | {"strategy_name": "restless"}
    document["indicators"]["fast"]["period"] = 3
    document["indicators"]["slow"]["period"] = 9
    document["z1_entry"]["positionSize"] = {"type": "quantity", "value": 1}
    status, body = daemon.ask("POST", "/api/strategies?id=restless", document, daemon.admin)
    assert status in (200, 201), body


def start(daemon):
    config = {"initial_balance": 1_000_000, "risk": "none", "latency_ms": LATENCY_MS, "budget": {"global_cap": 500_000, "allocations": {}}}
    body = {
        "session_type": "paper",
        "symbols": ["C0_USDT", "C1_USDT"],
        "strategy_config": {"strategies": ["restless"]},
        "config": config,
    }
    status, answer = daemon.ask("POST", "/sessions/start", body, daemon.admin)
    assert status == 200, answer
    return answer["data"]["session_id"]


def stop(daemon, session):
    """What the answer calls the session; `None` without an answer."""
    try:
        status, answer = daemon.ask("POST", "/sessions/stop", {"session_id": session}, daemon.admin)
    except (OSError, ValueError):
        return None
    return answer["data"]["status"] if status in (200, 202) else None


def shown(daemon, session):
    status, answer = daemon.ask("GET", f"/sessions/{session}", login=daemon.admin)
    assert status == 200, answer
    return answer["data"]


def again(world, folder, settings):
    daemon = world.daemon(folder, **settings)
    daemon.admin = daemon.log_in("admin")
    return daemon
