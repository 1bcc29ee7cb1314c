"""A large store with flipped bits, overwritten, zeroed, copied and swapped pages, cut off or prolonged: right answers or exit code 65, no panic."""

import json
import pathlib
import re
import shutil

from world import PASSWORD

PAGE = 4_096
KINDS = ["bit", "bytes", "zeros", "copy", "swap", "cut", "tail"]
DOCUMENT = pathlib.Path(__file__).parents[2] / "config" / "strategies" / "pump_v2.json"
# Trades all the time on a price that moves by single ticks.
TRADING = pathlib.Path(__file__).parents[2] / "benches" / "workloads" / "ema.json"
# What is asked of the commands: ID is a recording, RESULT that of a backtest over it, OUT a new folder that is compared too.
COMMANDS = [
    "recordings --json",
    "recordings show ID --json",
    "export ID --out OUT",
    "strategies list --json",
    "strategies show w023",
    "sessions list --json",
    "results list --json",
    "results show RESULT",
    "results trades RESULT",
    "results equity RESULT",
]
# The same words for the daemon, of which some have an id.
PATHS = [
    "/api/data-collection/sessions?limit=100",
    "/api/data-collection/ID",
    "/api/data-collection/ID/coverage",
    "/api/strategies",
    "/api/strategies/w023",
    "/sessions",
    "/results/session/RESULT",
    "/api/users",
]
# Fields of answers that differ from one request to the next.
PASSING = re.compile(r'"(timestamp|request_id|as_of|last_seen_at|last_login_at)": ?"[^"]*"')


def attack(world):
    count = world.pick(40, 300)
    folder = world.place()
    state = folder / "state"
    commands, rights, paths, answers = filled(world, folder, world.pick(34, 50))
    store = state / "tradingd.redb"
    whole = store.read_bytes()
    kept = world.place() / "kept"
    shutil.copytree(state, kept)
    nodes = [at for at in range(PAGE, len(whole), PAGE) if whole[at] in (1, 2) and whole[at + 3] == 0 and whole[at + 2]]
    told = dict.fromkeys(KINDS, 0)
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        store.write_bytes(damaged(world.chance, whole, nodes, kind))
        what = f"damage {number}, {kind}"
        codes = [checked(*asked(world, command, state), right, f"{what}: {command}") for command, right in zip(commands, rights)]
        codes.append(checked_daemon(world, folder, paths, answers, what))
        told[kind] += any(codes)
    figures = ", ".join(f"{kind} {told[kind]} of {len(range(at, count, len(KINDS)))}" for at, kind in enumerate(KINDS))
    return f"{count} damages of {len(whole) / 2**20:.0f} MiB: 0 silent, 0 panics; told: {figures}"


def filled(world, folder, mib):
    """Fills a store; returns the commands with their right outputs, and the paths with the right answers of the daemon."""
    state = folder / "state"
    daemon = world.daemon(folder, http={"requests_per_second": 1_000_000, "request_burst": 1_000_000})
    document = json.loads(DOCUMENT.read_text())
    for number in range(150):
        name = f"w{number:03}"
        status, body = daemon.ask("POST", f"/api/strategies?id={name}", document | {"strategy_name": name}, daemon.admin)
        assert status in (200, 201), body
    daemon.end()
    file = world.trades(400_000)
    while (state / "tradingd.redb").stat().st_size < mib << 20:
        imported(world, file, state)
    # Of fewer rows, so that it can be exported after each damage.
    recording = imported(world, world.trades(100_000), state)
    trading = json.loads(TRADING.read_text()) | {"strategy_name": "trading"}
    trading["indicators"]["fast"]["period"], trading["indicators"]["slow"]["period"] = 3, 9
    trading["z1_entry"]["positionSize"] = {"type": "fixed", "value": 100}
    (folder / "trading.json").write_text(json.dumps(trading))
    run = ("--recording", recording, "--strategy", str(folder / "trading.json"), "--risk", "none", "--keep", "--json")
    world.command("backtest", *run, "--state", str(state))
    result = json.loads(world.command("results", "list", "--json", "--state", str(state)))
    result = (result["results"] if isinstance(result, dict) else result)[0]["id"]
    commands, paths = ([words.replace("ID", recording).replace("RESULT", result) for words in of] for of in (COMMANDS, PATHS))
    rights = [shown_by(*asked(world, command, state)) for command in commands]
    assert all(code == 0 for code, *_ in rights), rights
    trades = rights[commands.index(f"results trades {result}")][1]
    assert trades.count("\n") > 10, f"a result without trades asks nothing of them: {trades}"
    daemon = world.daemon(folder)
    daemon.admin = daemon.log_in("admin")
    answers = [shown(daemon.ask("GET", path, login=daemon.admin)) for path in paths]
    assert all(status == 200 for status, _ in answers), answers
    daemon.end()
    return commands, rights, paths, answers


def imported(world, file, state):
    """Imports a file; returns the id of the recording."""
    return re.search(r"session_\w+", world.command("import", str(file), "--state", str(state))).group(0)


def asked(world, command, state):
    """Runs a command; returns what came of it, and the files that it wrote by their names."""
    out = world.place()
    ran = world.ran(*command.replace("OUT", str(out)).split(), "--state", str(state))
    files = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    shutil.rmtree(out)
    return ran, files


def shown_by(ran, files):
    """Exit code, output and files of a command."""
    return ran.returncode, ran.stdout, files


def damaged(chance, whole, nodes, kind):
    """A damaged copy of the bytes. Pages of keys are damaged more often than others."""
    bytes_ = bytearray(whole)
    page = chance.choice(nodes) if chance.random() < 0.7 else PAGE * chance.randrange(1, len(whole) // PAGE)
    other = chance.choice(nodes)
    match kind:
        case "bit":
            bytes_[page + chance.randrange(PAGE)] ^= 1 << chance.randrange(8)
        case "bytes":
            at = page + chance.randrange(PAGE - 64)
            bytes_[at : at + 64] = chance.randbytes(64)
        case "zeros":
            bytes_[page : page + PAGE] = bytes(PAGE)
        case "copy":
            bytes_[page : page + PAGE] = whole[other : other + PAGE]
        case "swap":
            bytes_[page : page + PAGE] = whole[other : other + PAGE]
            bytes_[other : other + PAGE] = whole[page : page + PAGE]
        case "cut":
            del bytes_[chance.randrange(len(whole)) :]
        case "tail":
            bytes_ += chance.randbytes(chance.randrange(1, 1 << 20))
    return bytes_


def checked(ran, files, right, what):
    """Whether a command refused; fails when its answer is wrong."""
    said = ran.stdout + ran.stderr
    assert "panicked" not in said, f"{what}: {said}"
    if ran.returncode == 65:
        # What was written before the damage was found is no export.
        assert not files, f"{what}: refused, and left {list(files)}"
        return True
    assert shown_by(ran, files) == right, f"{what}: exit code {ran.returncode}: {said[:2_000]}"
    return False


def checked_daemon(world, folder, paths, answers, what):
    """Whether the daemon refused to start or to answer; fails when it gives a wrong answer."""
    try:
        daemon = world.daemon(folder, http={"requests_per_second": 1_000_000, "request_burst": 1_000_000})
    except RuntimeError as ended:
        assert "ended with 65" in str(ended) and "panicked" not in str(ended), f"{what}: {ended}"
        return True
    refused = False
    try:
        status, body = daemon.ask("POST", "/api/v1/auth/login", {"username": "admin", "password": PASSWORD})
        if status == 200:
            daemon.admin = daemon.tokens((status, body))
            for path, right in zip(paths, answers):
                answer = shown(daemon.ask("GET", path, login=daemon.admin))
                assert answer == right or answer[0] >= 500, f"{what}: {path} answered {answer}"
                refused |= answer != right
        else:
            assert status >= 500, f"{what}: login {status} {body}"
            refused = True
    finally:
        daemon.end()
    assert "panicked" not in daemon.log() and daemon.child.returncode in (0, 65), f"{what}: {daemon.child.returncode} {daemon.log()}"
    return refused


def shown(answer):
    """Status and body without what differs each time."""
    status, body = answer
    return status, PASSING.sub("", json.dumps(body))
