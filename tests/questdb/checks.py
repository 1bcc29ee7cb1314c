"""The checks of tests/questdb/run, in order; each prints one line with its figure."""

import http.client
import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from faults import FAULTS
from rates import encoder, rates
from servers import ROOT, TRADINGD, QuestDb, Skipped, Tradingd, copy_of, memory_mib, until

DATA = ROOT / "tests/data"
TABLES = ["strategies", "sessions", "results", "trades", "equity", "signals", "orders", "fills", "refusals", "ticks", "book",
          "tickers", "gaps", "session_equity"]
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class World:
    """One server and one store, made once for all checks."""

    def __init__(self, folder, is_long):
        self.folder, self.is_long = folder, is_long
        self.questdb = QuestDb(folder / "questdb")
        self.tradingd = None

    def counts(self):
        """Rows by table. Of sessions and results the newest revisions: after a loss the older ones are not sent again."""
        until(self.questdb.drained, 60)
        newest = {"sessions": "session_id", "results": "result_id"}
        return {table: self.questdb.rows(f"select {f'count_distinct({newest[table]})' if table in newest else 'count()'} from td_{table}")[0][0]
                for table in TABLES}

    def equal(self, tradingd=None):
        """Exact equality, and no row twice."""
        until(self.questdb.drained, 60)
        rows = (tradingd or self.tradingd).equal()
        for table, keys in (("ticks", "ts, instance, recording_id, symbol, kind, seq"), ("equity", "ts, instance, result_id, seq")):
            twice = self.questdb.rows(f"select * from (select {keys}, count() n from td_{table}) where n > 1 limit 3")
            assert twice == [], f"td_{table} has rows twice: {twice}"
        return rows


@check
def server(world):
    """starts, and answers as the program relies on"""
    seconds = world.questdb.start()
    questdb = world.questdb
    settings = json.loads(questdb.call("/settings")[1])["config"]
    assert settings["release.version"] == "9.3.4", settings
    questdb.rows("create table a (ts timestamp, s symbol, l long, v varchar) timestamp(ts) partition by day wal dedup upsert keys(ts, l)")
    write = lambda lines, **query: questdb.call("/write", lines.encode() if isinstance(lines, str) else lines, **query)
    assert write("a l=1i 1700000000000000000\n") == (204, b"")
    status, body = write("a l=2i 1700000000000000000\na l=x 1700000000000000000\n")
    assert status == 400 and json.loads(body)["line"] == 2, body
    status, body = write("a l=2i 1700000000000000000\na l=3i 260000000000000000000\n")
    assert status in (400, 500), body
    status, body = write(b"a,s=\xff\xfe l=2i 1700000000000000000\n")
    assert status == 500 and b"errno: -1" in body and json.loads(body)["line"] == 1, body
    status, body = write("nope l=1i 1700000000000000000\n")
    assert status == 400 and b"table does not exist" in body, body
    until(questdb.drained, 30)
    assert questdb.count("a") == 1, "an error rolls the whole request back"
    # The first request on a connection that was open while a table was made anew is lost.
    kept = http.client.HTTPConnection("127.0.0.1", questdb.port)
    def send():
        kept.request("POST", "/write", "a l=9i 1700000000000000000\n")
        answer = kept.getresponse()
        answer.read()
        return answer.status
    assert send() == 204
    questdb.rows("drop table a")
    questdb.rows("create table a (ts timestamp, s symbol, l long, v varchar) timestamp(ts) partition by day wal dedup upsert keys(ts, l)")
    lost = send() == 204 and (until(questdb.drained, 30), questdb.count("a"))[1] == 0
    questdb.rows("drop table a")
    return f"QuestDB {settings['release.version']} in {seconds:.1f} s, {questdb.rss_mib()} MiB; lost acknowledgements seen: {lost}"


@check
def copy(world):
    """recordings and backtests are copied: exactly equal; sent again: nothing changes"""
    tradingd = world.tradingd = Tradingd(world.folder / "tradingd", world.questdb.url)
    tradingd.command("import", *sorted(DATA.glob("*20240808.trades.csv.gz")), *sorted(DATA.glob("*20240808.book20.csv.gz")))
    recording = json.loads(tradingd.command("recordings", "--json").stdout)["recordings"][0]["id"]
    for strategy in ("benches/workloads/ema.json", "config/strategies/examples/quick_breakout.json"):
        tradingd.command("strategies", "add", ROOT / strategy)
    for number in range(200 if world.is_long else 3):
        tradingd.command("backtest", "--strategy", "ema", "quick_breakout", "pump_v2", "--recording", recording, "--keep", "--seed", number)
    tradingd.session(recording, ["ema", "quick_breakout"])
    begun = time.monotonic()
    tradingd.sync("now")
    seconds = time.monotonic() - begun
    rows = world.equal()
    before = world.counts()
    assert before["ticks"] > 10_000 and before["results"] >= 3 and before["book"] > 100, before
    assert all(before[table] > 0 for table in ("sessions", "trades", "equity", "signals", "orders", "fills", "session_equity")), before
    tradingd.sync("rebuild", "all")
    assert world.counts() == before, (before, world.counts())
    world.equal()
    return f"{rows} rows in {seconds:.1f} s, every table and day equal; sent again: no row more"


@check
def differences(world):
    """a row that was changed in QuestDB is found and repaired"""
    questdb, tradingd = world.questdb, world.tradingd
    questdb.rows("update td_ticks set quantity = quantity + 0.001 where seq = 5 and symbol = 'BTCUSDT'")
    questdb.rows("alter table td_results drop partition where ts > '2000-01-01'")
    until(questdb.drained, 60)
    answer = json.loads(tradingd.sync("verify", fails=True).stdout)
    different = {table["table"]: table["different_count"] for table in answer["tables"] if table["different_count"]}
    assert set(different) == {"ticks", "results"}, different
    tradingd.sync("verify", "--repair", fails=True)
    world.equal()
    return f"found {different}, repaired"


@check
def daemon_kills(world):
    """kill -9 of the daemon while it copies"""
    tradingd, kills = world.tradingd, 200 if world.is_long else 20
    chance = random.Random(7)
    before = world.counts()
    for _ in range(kills):
        tradingd.run()
        tradingd.sync("rebuild", "all")
        time.sleep(chance.random() * 0.8)
        tradingd.kill()
    tradingd.run()
    tradingd.copied()
    tradingd.kill()
    assert world.counts() == before
    rows = world.equal()
    return f"{kills} kills, {rows} rows equal"


@check
def server_kills(world):
    """SIGKILL of QuestDB while it is copied to, and SIGSTOP"""
    tradingd, questdb, kills = world.tradingd, world.questdb, 20 if world.is_long else 3
    before = world.counts()
    tradingd.run()
    for _ in range(kills):
        tradingd.sync("rebuild", "all")
        time.sleep(random.random())
        questdb.kill()
        time.sleep(0.5)
        questdb.start()
    seconds = 60 if world.is_long else 15
    tradingd.sync("rebuild", "all")
    questdb.signal(signal.SIGSTOP)
    begun = time.monotonic()
    tradingd.status()
    answered = time.monotonic() - begun
    time.sleep(seconds)
    questdb.signal(signal.SIGCONT)
    tradingd.copied(180)
    tradingd.kill()
    assert world.counts() == before
    rows = world.equal()
    return f"{kills} kills, stopped for {seconds} s (the daemon answered in {answered:.2f} s), {rows} rows equal"


@check
def tables_anew(world):
    """a table is dropped and made anew under the daemon, one column is gone, the root is wiped"""
    tradingd, questdb = world.tradingd, world.questdb
    before = world.counts()
    tradingd.run()
    tradingd.copied()
    create = questdb.rows("show create table td_ticks")[0][0]
    questdb.rows("drop table td_ticks")
    questdb.rows(create.rstrip(";"))
    questdb.rows("drop table td_trades")
    until(lambda: world.counts() == before if questdb.rows("select count() from tables() where table_name = 'td_trades'") == [[1]] else False, 120, 0.5)
    assert "created again" in tradingd.log() or "another table" in tradingd.log()
    questdb.kill()
    questdb.wipe()
    questdb.start()
    until(lambda: questdb.rows("select count() from tables() where table_name = 'td_gaps'") == [[1]] and world.counts() == before, 180, 0.5)
    tradingd.kill()
    world.equal()
    questdb.rows("alter table td_equity rename column drawdown_pct to drawdown")
    until(questdb.drained, 30)
    run = tradingd.sync("now", fails=True)
    assert run.returncode == 69 and "td_equity has no column drawdown_pct" in run.stderr, run.stderr
    questdb.rows("alter table td_equity rename column drawdown to drawdown_pct")
    until(questdb.drained, 30)
    tradingd.sync("now")
    world.equal()
    return f"{sum(before.values())} rows came back each time; a table that drifted is named"


CHECKS.extend(FAULTS)


@check
def memory(world):
    """what copying everything adds to the memory of the daemon"""
    tradingd, peaks = world.tradingd, []
    for is_on in (False, True):
        tradingd.configure(world.questdb.url, enabled=is_on)
        tradingd.run()
        if is_on:
            for _ in range(3):
                tradingd.sync("rebuild", "all")
                tradingd.copied()
        else:
            tradingd.status()
        peaks.append(memory_mib(tradingd.process, "VmHWM"))
        tradingd.kill()
    assert peaks[1] - peaks[0] <= 64, peaks
    return f"{peaks[0]} MiB at most without, {peaks[1]} MiB with the copy"


@check
def restored_copy(world):
    """a restored copy of the store is another instance"""
    questdb, tradingd = world.questdb, world.tradingd
    backup = world.folder / "backup"
    copy_of(tradingd.folder, backup)
    tradingd.sync("now")
    other = Tradingd(backup, questdb.url)
    other.sync("now")
    first, second = tradingd.status()["instance"], other.status()["instance"]
    assert first != second, first
    tradingd.sync("now")
    assert tradingd.status()["instance"] == first
    world.equal()
    world.equal(other)
    return f"{first} and {second}, both equal to their stores"


@check
def way_in(world):
    """recordings come back from our own tables, and from those of the system that tradingd follows, as from CSV"""
    questdb = world.questdb
    other = Tradingd(world.folder / "way_in", questdb.url)
    recording = questdb.rows("select recording_id from td_ticks limit 1")[0][0]
    other.command("import", "--questdb", questdb.url, "--session", recording)
    back = json.loads(other.command("recordings", "--json").stdout)["recordings"]
    rows = sum(recording["rows"] for recording in back)
    ticks = questdb.rows(f"select count() from td_ticks where recording_id = '{recording}' and instance = '{world.tradingd.status()['instance']}'")[0][0]
    assert rows >= ticks, (rows, ticks)
    # The tables of that system, as it makes them itself.
    keys = "timestamp(timestamp) partition by day wal dedup upsert keys(timestamp, symbol, session_id)"
    levels = [f"{side}_{what}_{level}" for side in ("bid", "ask") for level in (1, 2, 3) for what in ("price", "qty")]
    questdb.rows(f"create table tick_prices (session_id symbol, symbol symbol, timestamp timestamp, price double, volume double, quote_volume double) {keys}")
    questdb.rows(f"create table tick_orderbook (session_id symbol, symbol symbol, timestamp timestamp, {' double, '.join(levels)} double) {keys}")
    count, books = (1_000_000, 100_000) if world.is_long else (120_000, 10_000)
    chance, price, side = random.Random(3), 500, "buy"
    lines, trades, snapshots = [], ["timestamp_us,symbol,price,quantity,side"], ["timestamp_us,symbol,side,level,price,quantity"]
    for number in range(count):
        before, price = price, max(100, price + chance.choice((-1, 0, 1)))
        side = "buy" if price > before or number == 0 else "sell" if price < before else side
        at, quantity = 1_700_000_000_000_000 + number // 2 * 1_000_000 + number % 2, 10_000 * (1 + number % 7)
        lines.append(f"tick_prices,session_id=s1,symbol=PUMP_USDT price={price / 10000},volume={float(quantity)} {at * 1000}")
        trades.append(f"{at},PUMP_USDT,{price / 10000},{quantity},{side}")
    lines.append(f"tick_prices,session_id=s1,symbol=PUMP_USDT price=0.0,volume=1.0 {(at + 5) * 1000}")
    for start in range(0, len(lines), 10_000):
        assert questdb.call("/write", "\n".join(lines[start:start + 10_000]).encode())[0] == 204
    lines = []
    for number in range(books):
        at, middle = 1_700_000_000_500_000 + number * 1_000_000, 500 + chance.randrange(100)
        # A level that is missing is zero there.
        there = {name: 0.0 for name in levels}
        for side, sign in (("bid", -1), ("ask", 1)):
            for level in range(1, 2 + number % 3):
                there[f"{side}_price_{level}"], there[f"{side}_qty_{level}"] = (middle + sign * level) / 10000, 1e5 * (level + number % 5)
                snapshots.append(f"{at},PUMP_USDT,{side},{level},{(middle + sign * level) / 10000},{100_000 * (level + number % 5)}")
        lines.append("tick_orderbook,session_id=s1,symbol=PUMP_USDT " + ",".join(f"{name}={value}" for name, value in there.items()) + f" {at * 1000}")
    for start in range(0, len(lines), 10_000):
        assert questdb.call("/write", "\n".join(lines[start:start + 10_000]).encode())[0] == 204
    until(questdb.drained, 120)
    # Killed while it reads, the import goes on; nothing of it is there before.
    known = len(json.loads(other.command("recordings", "--json").stdout)["recordings"])
    reading = subprocess.Popen([TRADINGD, "import", "--questdb", questdb.url, "--session", "s1", "--state", str(other.state)],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def has_read():
        """the import has read a page of trades and not all of them"""
        assert reading.poll() is None, "the import has ended before it was killed"
        kept = [json.loads(path.read_text()) for path in other.state.glob("questdb-import-*/*.trades.json")]
        return any(file["rows"] > 0 and not file["is_complete"] for file in kept)
    until(has_read, 120, 0.005)
    reading.kill()
    reading.wait()
    assert len(json.loads(other.command("recordings", "--json").stdout)["recordings"]) == known
    begun = time.monotonic()
    run = other.command("import", "--questdb", questdb.url, "--session", "s1")
    seconds = time.monotonic() - begun
    assert f"s1: {count + books} rows" in run.stderr and "were read by an import that was interrupted" in run.stderr, run.stderr
    assert "left out: 1 rows" in run.stderr and "sides of trades" in run.stderr, run.stderr
    assert list(other.state.glob("questdb-import-*")) == []
    paths = []
    for name, rows_of in (("trades", trades), ("book20", snapshots)):
        paths.append(world.folder / f"PUMP_USDT.{name}.csv")
        paths[-1].write_text("\n".join(rows_of) + "\n")
    other.command("import", *paths)
    other.command("strategies", "add", ROOT / "benches/workloads/ema.json")
    digests = []
    for imported in json.loads(other.command("recordings", "--json").stdout)["recordings"][:2]:
        assert imported["rows"] == count + len(snapshots) - 1, imported
        exports = []
        for stream in ("trades", "book20"):
            exported = world.folder / f"{imported['id']}.{stream}.csv"
            other.command("export", imported["id"], "--stream", stream, "--out", exported)
            exports.append(exported.read_bytes())
        result = json.loads(other.command("backtest", "--strategy", "ema", "--recording", imported["id"], "--seed", 1, "--json").stdout)["results"][0]
        assert result["sections_fired"]["S1"] > 0, result["no_trade_reason"]
        digests.append((result["digest"], exports))
    assert digests[0] == digests[1], "the digest of a backtest and the exports of both are the same"
    assert other.command("import", "--questdb", questdb.url, "--session", "none", fails=True).returncode == 69
    questdb.rows("drop table tick_prices")
    questdb.rows("drop table tick_orderbook")
    return (f"{rows} rows of our tables; {count} of tick_prices and {books} of tick_orderbook in {seconds:.1f} s after a kill, exports and backtest "
            f"({result['digest'][:8]}, {result['sections_fired']['S1']} signals) equal to the CSV route, 1 bad row named")


@check
def refused_rows(world):
    """credentials, an address that is not allowed, a server that is none"""
    tradingd, questdb = world.tradingd, world.questdb
    tradingd.configure("http://db.example.org:9000")
    run = tradingd.sync("now", fails=True)
    assert run.returncode == 69 and "allowed_hosts" in run.stderr, run.stderr
    tradingd.configure(questdb.url, enabled=False)
    assert tradingd.sync("now", fails=True).returncode == 78
    locked = QuestDb(world.folder / "locked", QDB_HTTP_USER="admin", QDB_HTTP_PASSWORD="secret word")
    locked.rows, opened = (lambda _: [[1]]), locked.rows
    locked.start()
    try:
        def pings():
            """the locked server answers"""
            try:
                return locked.call("/ping")[0] == 204
            except OSError:
                return False

        until(pings, 60)
        other = Tradingd(world.folder / "other", locked.url, user="admin")
        copy_of(tradingd.state, other.state)
        run = other.sync("now", fails=True)
        assert run.returncode == 69 and "questdb-password" in run.stderr, run.stderr
        secret = other.state / "questdb-password"
        for word, is_right in (("wrong", False), ("secret word", True)):
            secret.write_text(word)
            secret.chmod(0o600)
            run = other.sync("now", fails=True, timeout=120)
            assert (run.returncode == 0) == is_right, (word, run.stderr)
        assert "secret word" not in run.stderr + run.stdout
        rows = other.equal()
    finally:
        locked.kill()
        tradingd.configure(questdb.url)
    return f"each named; with the right password {rows} rows equal"


@check
def old_server(world):
    """QuestDB 9.0.3, without decimals"""
    if not (ROOT / "target/questdb/questdb-9.0.3.jar").exists():
        raise Skipped("QuestDB 9.0.3 is not there")
    old = QuestDb(world.folder / "old", "9.0.3")
    old.start()
    try:
        other = Tradingd(world.folder / "other_old", old.url)
        copy_of(world.tradingd.state, other.state)
        other.sync("now")
        until(old.drained, 60)
        rows = other.equal()
    finally:
        old.kill()
    return f"{rows} rows equal, amounts as doubles"


CHECKS.extend([encoder, rates])


def main():
    arguments = sys.argv[1:]
    is_long = "--long" in arguments
    wanted = [name for name in arguments if name != "--long"]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="tradingd-questdb-"))
    world, failed, begun = World(folder, is_long), 0, time.monotonic()
    try:
        for function in CHECKS:
            name = function.__name__
            if wanted and name not in wanted and name not in ("server", "copy"):
                continue
            started = time.monotonic()
            try:
                figure = function(world)
            except Skipped as reason:
                print(f"SKIPPED {name}: {function.__doc__}: {reason}", flush=True)
            except Exception as error:
                failed += 1
                print(f"FAILED {name}: {function.__doc__}: {error}", flush=True)
                traceback.print_exc()
                if name in ("server", "copy"):
                    break
            else:
                print(f"ok     {name}: {function.__doc__}: {figure} ({time.monotonic() - started:.0f} s)", flush=True)
            finally:
                if world.tradingd:
                    world.tradingd.kill()
    finally:
        world.questdb.kill()
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{failed} failed in {time.monotonic() - begun:.0f} s" + (f"; {folder} is kept" if failed else ""))
    sys.exit(1 if failed else 0)


main()
