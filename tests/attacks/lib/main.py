"""Runs the selected attacks one after the other and prints the outcome of each."""

import argparse
import importlib.util
import pathlib
import random
import sys
import time
import traceback

from world import Missing, World

ATTACKS = pathlib.Path(__file__).parent.parent


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    failed, missing = [], []
    for name in options.names or known:
        module = load(known[name])
        print(f"{name}: {module.__doc__.strip().splitlines()[0]}", flush=True)
        started = time.monotonic()
        with World(options.long, random.Random(f"{options.seed} {name}")) as world:
            try:
                verdict = f"ok: {module.attack(world)}"
            except Missing as why:
                missing.append(name)
                verdict = f"SKIPPED: {why}"
            except Exception as why:
                failed.append(name)
                verdict = f"FAILED: {why or type(why).__name__}"
                if not isinstance(why, AssertionError):
                    traceback.print_exc()
                world.show_logs()
        print(f"    {verdict} ({time.monotonic() - started:.0f} s)", flush=True)
    if failed:
        sys.exit(f"{len(failed)} succeeded against the daemon: {', '.join(failed)}")
    if missing:
        print(f"something is missing for {', '.join(missing)}", file=sys.stderr)
        sys.exit(69)


if __name__ == "__main__":
    main()
