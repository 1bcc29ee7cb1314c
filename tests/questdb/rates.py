"""Our encoder and rates beside the official clients for Python and Rust, over the same rows."""

import json
import os
import subprocess
import sys

from servers import ROOT, Skipped, until

TRADE = ("create table {} (ts timestamp, instance symbol, symbol symbol, side symbol, seq long, price double, quantity double) "
         "timestamp(ts) partition by day wal dedup upsert keys(ts, instance, symbol, seq)")
# Run by a Python that has the client: rows a second of `dataframe` in flushes of 10,000 rows, the best of three.
PYTHON = """
import json, sys, time
import numpy, pandas
from questdb.ingress import Sender
port, table, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
number = numpy.arange(rows)
frame = pandas.DataFrame({
    "instance": pandas.Categorical.from_codes(numpy.zeros(rows, "int8"), ["python"]),
    "symbol": pandas.Categorical.from_codes((number % 100).astype("int8"), [f"S{n:02}_USDT" for n in range(100)]),
    "side": pandas.Categorical.from_codes((number % 2).astype("int8"), ["buy", "sell"]),
    "seq": number, "price": 60000 + number * 7 % 10000 / 10, "quantity": (1 + number % 997) / 1000,
    "ts": (1722470400000000000 + number * 25000000).astype("datetime64[ns]")})
best = 0
for _ in range(3):
    begun = time.monotonic()
    with Sender.from_conf(f"http::addr=127.0.0.1:{port};auto_flush=off;") as sender:
        for start in range(0, rows, 10000):
            sender.dataframe(frame[start:start + 10000], table_name=table, symbols=["instance", "symbol", "side"], at="ts")
            sender.flush()
    best = max(best, rows / (time.monotonic() - begun))
print(json.dumps(best))
"""


def client(world):
    """The program in tests/questdb/client, built once; skipped where its dependencies cannot be had."""
    if not world.is_long:
        raise Skipped("building QuestDB's client for Rust takes minutes: --long does it")
    target = ROOT / "target/questdb/client"
    run = subprocess.run(["cargo", "build", "--locked", "--release", "--manifest-path", ROOT / "tests/questdb/client/Cargo.toml"],
                         env=os.environ | {"CARGO_TARGET_DIR": str(target)}, capture_output=True, text=True)
    if run.returncode != 0:
        raise Skipped(f"the official client for Rust cannot be built: {run.stderr.strip().splitlines()[-1]}")
    return target / "release/tradingd-questdb-client"


def python():
    """A Python that has the official client, installed once; None where it cannot be had."""
    folder = ROOT / "target/questdb/python"
    if not (folder / "installed").exists():
        packages = ["questdb==6.0.0", "pandas==3.1.1", "pyarrow==26.0.1"]
        for step in ([sys.executable, "-m", "venv", folder], [folder / "bin/pip", "install", "--quiet", *packages]):
            if subprocess.run(step, capture_output=True).returncode != 0:
                return None
        (folder / "installed").touch()
    return folder / "bin/python"


def asked(*arguments):
    run = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, timeout=1_200)
    assert run.returncode == 0, run.stderr[-2_000:]
    return json.loads(run.stdout)


def encoder(world):
    """every line of the encoder is that of the official client for Rust, byte for byte"""
    seed = 20261130
    answer = asked(client(world), "compare", 5_000_000 if world.is_long else 500_000, seed)
    rate = asked(client(world), "encode", 3_000_000)
    figures = (f"{answer['lines']:,} random rows ({answer['bytes'] / 1e6:.0f} MB, seed {seed}) equal; "
               f"{rate['ours'] / 1e6:.2f} M rows/s of a core, the official client {rate['theirs'] / 1e6:.2f}")
    assert rate["ours"] >= (5e6 if world.is_long else rate["theirs"]), figures
    return figures


def rates(world):
    """rates beside the official clients for Rust and Python, requests of 10,000 rows"""
    program, questdb, rows = client(world), world.questdb, 3_000_000 if world.is_long else 300_000
    questdb.rows("drop table if exists rates")
    questdb.rows(TRADE.format("rates"))
    answer = asked(program, "rates", f"127.0.0.1:{questdb.port}", "rates", rows)
    until(questdb.drained, 300)
    assert questdb.count("rates") == 2 * rows, questdb.count("rates")
    differ = questdb.rows("select * from (select ts, symbol, seq, side, price, quantity, count() n from rates) where n != 2 limit 3")
    assert differ == [], f"both sent the same rows: {differ}"
    client_for_python, by_python, said = python(), 0, "the Python client cannot be installed"
    if client_for_python:
        by_python = asked(client_for_python, "-c", PYTHON, questdb.port, "rates", rows)
        until(questdb.drained, 300)
        assert questdb.count("rates") == 3 * rows, questdb.count("rates")
        said = f"Python client {by_python:,.0f}"
    questdb.rows("drop table rates")
    figures = f"rows/s: ours {answer['ours']:,.0f}, Rust client {answer['theirs']:,.0f}, {said}"
    if world.is_long:
        # What else the machine does changes a run by a tenth.
        assert answer["ours"] >= 0.9 * max(answer["theirs"], by_python), figures
    return figures
