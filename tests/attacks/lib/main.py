"""Runs the selected attacks and prints the outcome of each."""

import argparse
import importlib.util
import io
import pathlib
import random
import sys
import threading
import time
import traceback

from world import Missing, World

ATTACKS = pathlib.Path(__file__).parent.parent


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def attacked(module, name, options, said):
    """Runs one attack and says what came of it; returns `ok`, `failed` or `missing`."""
    started = time.monotonic()
    outcome = "ok"
    print(f"{name}: {module.__doc__.strip().splitlines()[0]}", file=said)
    with World(options.long, random.Random(f"{options.seed} {name}")) as world:
        try:
            verdict = f"ok: {module.attack(world)}"
        except Missing as why:
            outcome, verdict = "missing", f"SKIPPED: {why}"
        except Exception as why:
            outcome, verdict = "failed", f"FAILED: {why or type(why).__name__}"
            if not isinstance(why, AssertionError):
                traceback.print_exc(file=said)
            world.show_logs(said)
    print(f"    {verdict} ({time.monotonic() - started:.0f} s)", file=said)
    return outcome


def main():
    known = {path.stem: path for path in sorted(ATTACKS.glob("*.py"))}
    parser = argparse.ArgumentParser(prog="tests/attacks/run")
    parser.add_argument("--long", action="store_true", help="full figures instead of samples")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="repeats an earlier run")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(known))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no attack {', '.join(unknown)}; there are {', '.join(known)}")
    print(f"seed {options.seed}", flush=True)
    started = time.monotonic()
    outcomes = {}
    modules = {name: load(known[name]) for name in options.names or known}

    def run(name):
        said = io.StringIO()
        outcomes[name] = attacked(modules[name], name, options, said)
        print(said.getvalue(), end="", flush=True)

    # An attack that mostly waits, and whose figures do not depend on the load, runs beside the others.
    beside = [threading.Thread(target=run, args=(name,)) for name, module in modules.items() if getattr(module, "BESIDE", False)]
    for thread in beside:
        thread.start()
    for name, module in modules.items():
        if not getattr(module, "BESIDE", False):
            run(name)
    for thread in beside:
        thread.join()
    target = "" if options.long or options.names else " (target 300 s)"
    print(f"{len(modules)} attacks in {time.monotonic() - started:.0f} s{target}", flush=True)
    failed, missing = ([name for name, outcome in outcomes.items() if outcome == which] for which in ("failed", "missing"))
    if failed:
        sys.exit(f"{len(failed)} succeeded against the daemon: {', '.join(failed)}")
    if missing:
        print(f"something is missing for {', '.join(missing)}", file=sys.stderr)
        sys.exit(69)


if __name__ == "__main__":
    main()
