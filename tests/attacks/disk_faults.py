"""The disk fails under writes (EIO, ENOSPC, short writes, failed syncs, EROFS): told at once, read on, back without a restart, nothing lost."""

import json
import pathlib
import shutil
import struct
import subprocess
import time

from world import Missing, timed, within

# The kinds of failing_disk.c, in its order, and how long each lasts.
KINDS = ["write EIO", "ENOSPC", "short write then ENOSPC", "sync EIO", "EROFS"]
LASTS_S = 1.5
BACK_S = 5
DOCUMENT = pathlib.Path(__file__).parents[2] / "config" / "strategies" / "pump_v2.json"


def attack(world):
    switch, environment, folder = failing_disk(world)
    fast = {"requests_per_second": 1_000_000, "request_burst": 1_000_000}
    daemon = world.daemon(folder, environment=environment, http=fast)
    kept, slowest, told = {"pump_v2"}, 0, 0
    count = world.pick(10, 53)
    for number in range(count):
        kind = 1 + number % len(KINDS)
        what = f"fault {number}, {KINDS[kind - 1]}"
        is_ready(daemon, what)
        arm(switch, kind, world.chance.randrange(8))
        refused = write_until_refused(daemon, kept, f"f{number}", what)
        told += 1
        status, ready = daemon.ask("GET", "/health/ready")
        store = ready["data"]["store"] if "data" in ready else ready["store"]
        assert (status, store["status"]) == (503, "read_only") and store["reason"], f"{what}: readiness {status} {ready}"
        began = time.monotonic()
        while time.monotonic() - began < LASTS_S:
            assert names(daemon) >= kept, f"{what}: not all that was acknowledged is read"
            assert write(daemon, refused)[0] == 503, f"{what}: a write of a failing disk"
            time.sleep(0.2)
        arm(switch, 0, 0)
        slowest = max(slowest, within(BACK_S, lambda: write(daemon, refused)[0] in (200, 201)))
        kept.add(refused)
        is_ready(daemon, what)
    log = daemon.log()
    gone, back = log.count("store is read-only until its disk takes writes again"), log.count("failed and can be written again")
    daemon.child.kill()
    daemon.child.wait()
    again = world.daemon(folder)
    # The first user was created before; nobody needs the setup code again.
    again.admin = again.log_in("admin")
    missing = kept - names(again)
    assert not missing, f"acknowledged and lost: {sorted(missing)}"
    again.end()
    world.command("verify", "--state", str(folder / "state"))
    return f"{count} faults, {told} told by readiness, {gone} and {back} log lines; writes back after at most {slowest:.1f} s; {len(kept)} acknowledged, none lost"


def failing_disk(world):
    """Builds the library; returns its switch, the environment that loads it, and the folder it affects."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise Missing("a C compiler (cc) is needed")
    place, folder = world.place(), world.place()
    library, switch = place / "failing_disk.so", place / "switch"
    source = pathlib.Path(__file__).parent / "lib" / "failing_disk.c"
    built = subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], capture_output=True, text=True, check=False)
    if built.returncode:
        raise Missing(f"a library for LD_PRELOAD cannot be built here: {built.stderr}")
    switch.write_bytes(struct.pack("3i", 0, 0, 0))
    environment = {"LD_PRELOAD": str(library), "FAILING_DISK_FOLDER": str(folder / "state"), "FAILING_DISK_SWITCH": str(switch)}
    return switch, environment, folder


def arm(switch, kind, passing):
    """Switches a fault on after `passing` more operations, or off."""
    with switch.open("r+b") as file:
        file.write(struct.pack("3i", kind, passing, 0))


def write(daemon, name):
    """Stores a strategy."""
    document = json.loads(DOCUMENT.read_text()) | {"strategy_name": name}
    return daemon.ask("POST", f"/api/strategies?id={name}", document, daemon.admin)


def write_until_refused(daemon, kept, prefix, what):
    """Writes until one is refused; returns the name of that one."""
    for number in range(40):
        name = f"{prefix}_{number}"
        took, (status, body) = timed(lambda: write(daemon, name))
        if status not in (200, 201):
            assert status == 503, f"{what}: {status} {body}"
            assert took < 10, f"{what}: refused after {took:.1f} s"
            return name
        kept.add(name)
    raise AssertionError(f"{what}: met no write")


def names(daemon):
    """Ids of all strategies."""
    status, body = daemon.ask("GET", "/api/strategies", login=daemon.admin)
    assert status == 200, body
    return {one["id"] for one in body["data"]["strategies"]}


def is_ready(daemon, what):
    status, ready = daemon.ask("GET", "/health/ready")
    assert status == 200, f"{what}: {ready}"
