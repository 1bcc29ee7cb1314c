"""A QuestDB, and a tradingd that copies to it, as processes of a check."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRADINGD = os.environ["TRADINGD"]


class Skipped(Exception):
    """What this machine does not allow; the reason is printed."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(is_done, seconds, every=0.05):
    """Waits until something is true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = is_done()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {is_done.__doc__ or is_done.__name__}")
        time.sleep(every)


def memory_mib(process, what):
    """Memory of a process: `VmRSS` now, `VmHWM` at most."""
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith(what):
            return int(line.split()[1]) // 1024
    return 0


class QuestDb:
    """A server on a folder of its own."""

    def __init__(self, folder, version="9.3.4", **settings):
        self.folder, self.version, self.settings = pathlib.Path(folder), version, settings
        self.port, self.process = free_port(), None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)
        off = {name: "false" for name in (
            "QDB_HTTP_MIN_ENABLED", "QDB_LINE_TCP_ENABLED", "QDB_LINE_UDP_ENABLED", "QDB_METRICS_ENABLED", "QDB_PG_ENABLED",
            "QDB_TELEMETRY_ENABLED", "QDB_LINE_AUTO_CREATE_NEW_TABLES", "QDB_LINE_AUTO_CREATE_NEW_COLUMNS")}
        environment = os.environ | off | {
            "QDB_HTTP_BIND_TO": f"127.0.0.1:{self.port}", "QDB_CAIRO_WRITER_DATA_APPEND_PAGE_SIZE": "262144",
            "QDB_LOG_W_STDOUT_LEVEL": "ERROR"} | self.settings
        begun = time.monotonic()
        with open(self.folder / "stdout", "ab") as log:
            self.process = subprocess.Popen(
                ["java", "-Xms64m", "-Xmx512m", "-XX:+UseParallelGC", "-XX:ActiveProcessorCount=2",
                 f"-Djava.io.tmpdir={self.folder}/tmp", "-jar", str(ROOT / f"target/questdb/questdb-{self.version}.jar"),
                 "-d", str(self.folder), "-n"],
                env=environment, stdout=log, stderr=log, cwd=self.folder, start_new_session=True)

        def answers():
            """QuestDB answers queries"""
            assert self.process.poll() is None, "QuestDB ended: " + (self.folder / "stdout").read_text()[-2_000:]
            try:
                return self.rows("select 1") == [[1]]
            except (OSError, urllib.error.URLError):
                return False

        until(answers, 120)
        return time.monotonic() - begun

    def call(self, path, body=None, timeout=60, **query):
        url = f"{self.url}{path}" + ("?" + urllib.parse.urlencode(query) if query else "")
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=timeout) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def rows(self, sql):
        status, body = self.call("/exec", query=sql)
        answer = json.loads(body)
        assert status == 200, f"{sql}: {answer}"
        return answer.get("dataset", [])

    def count(self, table):
        return self.rows(f"select count() from {table}")[0][0]

    def drained(self):
        """every acknowledged row is visible"""
        rows = self.rows("select suspended, writerTxn, sequencerTxn from wal_tables()")
        return all(not suspended and written == sequenced for suspended, written, sequenced in rows)

    def rss_mib(self):
        return memory_mib(self.process, "VmRSS")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def wipe(self):
        for name in ("db", "conf", "public"):
            shutil.rmtree(self.folder / name, ignore_errors=True)


class Proxy:
    """A port in front of a server, which cuts a connection when it is told to."""

    def __init__(self, port):
        self.to, self.listener = port, socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        # Guarded by the lock: how to cut, and after how many requests that write.
        self.lock, self.how, self.rest = threading.Lock(), None, 0
        # Answers that the server gave and nobody heard.
        self.swallowed = []
        threading.Thread(target=self.accept, daemon=True).start()

    def cut(self, how, after):
        """Cuts the request that writes of this number: `before` half of it has gone on, or `after` it was answered."""
        with self.lock:
            self.how, self.rest = how, after

    def is_done(self):
        """the connection was cut"""
        with self.lock:
            return self.how is None

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def turn(self, head):
        """What to do with the request that begins so."""
        with self.lock:
            if self.how is None or not head.startswith(b"POST /write"):
                return None
            self.rest -= 1
            if self.rest > 0:
                return None
            how, self.how = self.how, None
            return how

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.to)) as server:
            muted = threading.Event()

            def answers():
                try:
                    while data := server.recv(1 << 16):
                        if muted.is_set():
                            self.swallowed.append(data[:12])
                            break
                        client.sendall(data)
                except OSError:
                    pass
                for side in (client, server):
                    try:
                        side.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

            threading.Thread(target=answers, daemon=True).start()
            try:
                with client.makefile("rb") as requests:
                    while line := requests.readline():
                        head = line
                        while line not in (b"\r\n", b""):
                            line = requests.readline()
                            head += line
                        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
                        body = requests.read(int(lengths[0])) if lengths else b""
                        how = self.turn(head)
                        if how == "before":
                            server.sendall(head + body[:len(body) // 2])
                            return
                        if how == "after":
                            muted.set()
                        server.sendall(head + body)
                        if how == "after":
                            # The answer is swallowed, then both sides are closed.
                            client.recv(1)
                            return
            except OSError:
                pass


def copy_of(folder, to):
    """A backup: everything but the socket of a daemon that was killed."""
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("*.sock"), dirs_exist_ok=True)


class Tradingd:
    """A state directory with its configuration, and commands and a daemon on it."""

    def __init__(self, folder, url, **questdb):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.state, self.config, self.process = self.folder / "state", self.folder / "config.json", None
        self.configure(url, **questdb)

    def configure(self, url, **questdb):
        defaults = {"enabled": True, "url": url, "interval_s": 1, "rows_per_second": 10_000_000}
        self.config.write_text(json.dumps({
            "http": {"listen": "127.0.0.1:0"}, "exchange": {"enabled": False},
            "analytics": {"questdb": defaults | questdb}}))

    def command(self, *arguments, fails=False, timeout=600):
        run = subprocess.run([TRADINGD, *map(str, arguments), "--state", str(self.state)],
                             capture_output=True, text=True, timeout=timeout)
        assert fails or run.returncode == 0, f"{arguments}: {run.returncode}\n{run.stderr}{run.stdout}"
        return run

    def sync(self, *arguments, **options):
        return self.command("sync", *arguments, "--config", self.config, "--json", **options)

    def status(self):
        return json.loads(self.sync("status").stdout)

    def equal(self):
        """Rows compared; an error when one differs."""
        answer = json.loads(self.sync("verify", fails=True).stdout or "{}")
        assert answer.get("equal"), json.dumps(answer, indent=1)[:4_000]
        return sum(table["rows"] for table in answer["tables"])

    def run(self):
        log = self.folder / "log"
        before = log.stat().st_size if log.exists() else 0
        self.process = subprocess.Popen(
            [TRADINGD, "run", "--config", str(self.config), "--state", str(self.state)],
            stdout=subprocess.DEVNULL, stderr=open(log, "ab"))

        def is_ready():
            """the daemon is ready"""
            said = log.read_text()[before:]
            assert self.process.poll() is None, said[-2_000:]
            # Not by asking: a command that finds no daemon yet would take the store.
            return "tradingd is ready" in said

        until(is_ready, 60)

    def session(self, recording, strategies):
        """A backtest as a session of a daemon, which leaves events in the log."""
        request = {"session_type": "backtest", "symbols": [], "strategy_config": {"strategies": strategies},
                   "config": {"session_id": recording, "acceleration_factor": 0, "initial_balance": 5000, "seed": 7}}
        asked = self.folder / "request.json"
        asked.write_text(json.dumps(request))
        self.run()
        session = self.command("sessions", "start", asked).stdout.strip()

        def has_ended():
            """the session has ended"""
            return json.loads(self.command("sessions", "show", session).stdout)["ended"]

        until(has_ended, 120, 0.2)
        self.kill()
        return session

    def kill(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def copied(self, seconds=120):
        """Waits until a round of the daemon has brought everything there."""
        before = self.status()["rounds"]

        def is_copied():
            """the copy is complete"""
            status = self.status()
            return status["rounds"] > before and status["state"] == "idle" and status["lag_rows"] == 0 and status
        return until(is_copied, seconds, 0.2)

    def log(self):
        return (self.folder / "log").read_text()
