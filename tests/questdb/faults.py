"""Faults on the real server, each followed by exact equality; each check prints one line with its figure."""

import contextlib
import random
import shutil
import subprocess
import time

from servers import ROOT, Proxy, QuestDb, Skipped, Tradingd, copy_of, until

FAULTS = []


def fault(function):
    FAULTS.append(function)
    return function


@fault
def connection_cuts(world):
    """the connection is cut before the server has all of a request, or after it committed and before its answer"""
    tradingd, questdb, each = world.tradingd, world.questdb, 10 if world.is_long else 3
    before, chance = world.counts(), random.Random(11)
    proxy = Proxy(questdb.port)
    tradingd.configure(proxy.url)
    tradingd.run()
    for how in ["before", "after"] * each:
        tradingd.copied()
        proxy.cut(how, chance.randrange(1, 9))
        tradingd.sync("rebuild", "all")
        until(proxy.is_done, 60)
    tradingd.copied()
    tradingd.kill()
    tradingd.configure(questdb.url)
    proxy.close()
    assert proxy.swallowed == [b"HTTP/1.1 204"] * each, f"these answers were lost: {proxy.swallowed}"
    assert world.counts() == before
    rows = world.equal()
    return f"{each} cut before, {each} after the commit, {rows} rows equal"


@fault
def alterations(world):
    """other columns are added and dropped while rows arrive, then one of ours is dropped on a kept connection"""
    tradingd, questdb, rounds = world.tradingd, world.questdb, 20 if world.is_long else 3
    before = world.counts()
    tradingd.run()
    tradingd.copied()
    altered = 0
    for number in range(rounds):
        tradingd.sync("rebuild", "all")
        end = time.monotonic() + 1
        while time.monotonic() < end:
            for table in ("td_ticks", "td_fills", "td_equity"):
                questdb.rows(f"alter table {table} add column if not exists other{number} long")
                questdb.rows(f"alter table {table} drop column other{number}")
                altered += 2
    tradingd.copied(180)
    until(questdb.drained, 60)
    questdb.rows("alter table td_fills drop column fee")
    until(questdb.drained, 30)
    tradingd.sync("rebuild", "fills")

    def is_back():
        """the column was added again and its values are there"""
        columns = [name for name, in questdb.rows("select \"column\" from table_columns('td_fills')")]
        return "fee" in columns and tradingd.status()["lag_rows"] == 0
    until(is_back, 180, 0.5)
    tradingd.copied(180)
    tradingd.kill()
    assert world.counts() == before
    rows = world.equal()
    return f"{altered} alterations, a dropped column came back with its values, {rows} rows equal"


@fault
def suspended_table(world):
    """a table whose writes QuestDB has suspended takes rows and shows none; it is resumed"""
    tradingd, questdb = world.tradingd, world.questdb
    before = world.counts()
    questdb.kill()
    questdb.settings["QDB_DEV_MODE_ENABLED"] = "true"
    questdb.start()
    tradingd.run()
    tradingd.copied()
    for table in ("td_ticks", "td_signals", "td_strategies"):
        questdb.rows(f"alter table {table} suspend wal with 'DISK FULL', 'as a check wants it'")
    tradingd.sync("rebuild", "all")
    until(lambda: tradingd.log().count("it is resumed") >= 3, 60, 0.2)
    tradingd.copied()
    tradingd.kill()
    assert questdb.rows("select count() from wal_tables() where suspended") == [[0]]
    del questdb.settings["QDB_DEV_MODE_ENABLED"]
    assert world.counts() == before
    rows = world.equal()
    return f"3 tables resumed, {rows} rows equal"


@fault
def root_removed(world):
    """the data folder is removed under the running server: only a restart helps, and that is what is said"""
    tradingd, questdb = world.tradingd, world.questdb
    before = world.counts()
    tradingd.run()
    tradingd.copied()
    shutil.rmtree(questdb.folder / "db")
    tradingd.sync("rebuild", "all")

    def is_told():
        """the state says to restart QuestDB"""
        return "restart QuestDB" in (tradingd.status()["reason"] or "")
    until(is_told, 120, 0.2)
    questdb.kill()
    questdb.start()
    begun = time.monotonic()
    tradingd.sync("now")
    tradingd.copied(180)
    seconds = time.monotonic() - begun
    tradingd.kill()
    assert world.counts() == before
    rows = world.equal()
    return f"all of it was back {seconds:.1f} s after the restart, {rows} rows equal"


@contextlib.contextmanager
def small_disk(folder, mib):
    """A file system of a size. Skipped where mounting is not allowed."""
    folder.mkdir(parents=True)
    options = ["-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    mounted = subprocess.run(["mount", *options], capture_output=True, text=True)
    if mounted.returncode != 0:
        raise Skipped(f"no file system of a size can be mounted: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)


def fill(path):
    """A file that takes all the space there is now."""
    with open(path, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"\1" * size)


@fault
def full_disk(world):
    """the disk of the server is full, while numbers arrive and while text does"""
    if not world.is_long:
        raise Skipped("takes minutes: --long tests it")
    disk = world.folder / "small"
    with small_disk(disk, 1_500):
        # Files of all columns are allocated ahead, by pages.
        questdb = QuestDb(disk / "root", QDB_CAIRO_WAL_WRITER_DATA_APPEND_PAGE_SIZE="65536")
        questdb.start()
        other = Tradingd(world.folder / "other_small", questdb.url)
        copy_of(world.tradingd.state, other.state)
        try:
            other.sync("now")
            other.run()
            other.copied()
            crashes, told = 0, []
            for tables in (["ticks", "book"], ["strategies", "signals", "sessions"]):
                ballast = disk / "ballast"

                def is_told():
                    """the copy says that it waits"""
                    # Until the pages that are allocated are used up; the server frees some from time to time.
                    fill(ballast)
                    for table in tables:
                        other.sync("rebuild", table)
                    return other.status()["reason"]
                told.append(until(is_told, 120, 0.2)[-60:])
                time.sleep(2)
                crashed = questdb.process.poll() is not None
                crashes += crashed
                ballast.unlink()
                if crashed:
                    questdb.start()
                other.sync("now", fails=True)
                other.copied(180)
                until(questdb.drained, 60)
            other.kill()
            rows = other.equal()
        finally:
            other.kill()
            questdb.kill()
    return f"told as {told}, the server crashed {crashes} times, {rows} rows equal"


@fault
def older_server(world):
    """the server is replaced by QuestDB 9.0.3 on the same folder, and comes back"""
    tradingd, questdb = world.tradingd, world.questdb
    if not (ROOT / "target/questdb/questdb-9.0.3.jar").exists():
        raise Skipped("QuestDB 9.0.3 is not there")
    before = world.counts()
    tradingd.run()
    tradingd.copied()
    questdb.stop()
    questdb.version, version = "9.0.3", questdb.version
    try:
        questdb.start()

        def is_refused():
            """what the older server cannot hold is named"""
            status = tradingd.status()
            return status["state"] == "refused" and "td_fills.price is" in status["reason"] and status["reason"]
        reason = until(is_refused, 120, 0.5)
    finally:
        questdb.stop()
        questdb.version = version
    questdb.start()
    tradingd.sync("now")
    tradingd.copied(180)
    tradingd.kill()
    assert world.counts() == before
    rows = world.equal()
    return f"refused ({reason.count(' is ')} columns named), then {rows} rows equal on {version}"
