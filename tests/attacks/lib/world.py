"""Support for attacks: daemons on free ports, rehearsal exchanges, logins, raw sockets, measurements."""

import http.client
import json
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import tempfile
import threading
import time

TRADINGD = os.environ["TRADINGD"]
PASSWORD = "a password for attacks"


class Missing(Exception):
    """Something that the attack needs is missing on this machine."""


def need_files(count):
    """Raises the limit of open files to `count` for this process and its children."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise Missing(f"{count} open files are needed, the limit is {hard}: ulimit -Hn {count}")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


class Process:
    """A `tradingd` process that has printed `ready`; keeps its output."""

    def __init__(self, arguments, ready, environment=None):
        self.lines = []
        pipe = subprocess.PIPE
        self.child = subprocess.Popen([TRADINGD, *arguments], stderr=pipe, stdout=pipe, text=True, env=os.environ | (environment or {}))
        is_ready = threading.Event()
        for stream in (self.child.stderr, self.child.stdout):
            threading.Thread(target=self._read, args=(stream, ready, is_ready), daemon=True).start()
        while not is_ready.wait(0.05):
            if self.child.poll() is not None:
                raise RuntimeError(f"tradingd {' '.join(arguments)} ended with {self.child.returncode}: {self.log()}")

    def _read(self, stream, ready, is_ready):
        for line in stream:
            self.lines.append(line)
            if ready in line:
                is_ready.set()

    def log(self):
        return "".join(self.lines)

    def find(self, pattern):
        return re.search(pattern, self.log())

    def rss_mib(self):
        """Resident memory in MiB."""
        pages = int(pathlib.Path(f"/proc/{self.child.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def files(self):
        """Number of open file descriptors, including sockets."""
        return len(os.listdir(f"/proc/{self.child.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.child.pid}/task"))

    def end(self):
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(30)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()


class Daemon(Process):
    """A daemon; `admin` is the login of its admin."""

    def __init__(self, folder, config, host="127.0.0.1", environment=None):
        self.folder = folder
        (folder / "config.json").write_text(json.dumps(config))
        run = ["run", "--state", str(folder / "state"), "--config", str(folder / "config.json")]
        super().__init__(run, "tradingd is ready", environment)
        port = int(self.find(r"tradingd listens on http://\S*?:(\d+)\s").group(1))
        self.address = (host, port)
        # The line with the setup code is printed before the ready line.
        code = self.find(r"setup code (\S+)")
        self.admin = None
        if code:
            body = {"code": code.group(1), "username": "admin", "password": PASSWORD}
            self.admin = self.tokens(self.ask("POST", "/api/v1/auth/setup", body))

    def ask(self, method, path, body=None, login=None, source="127.0.0.1", timeout=30):
        """Sends one request on its own connection; returns status and JSON. Raises OSError on a timeout."""
        connection = http.client.HTTPConnection(*self.address, timeout=timeout, source_address=(source, 0) if source else None)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            if login:
                headers |= {"Authorization": f"Bearer {login['access']}", "X-CSRF-Token": login["csrf"]}
            text = body if isinstance(body, (str, bytes, type(None))) else json.dumps(body)
            connection.request(method, path, text, headers)
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def tokens(self, answer):
        status, body = answer
        assert status in (200, 201), body
        access = body["data"]["access_token"]
        _, csrf = self.ask("GET", "/csrf-token", login={"access": access, "csrf": ""})
        return {"access": access, "csrf": csrf["data"]["token"]}

    def log_in(self, name, source="127.0.0.1"):
        return self.tokens(self.ask("POST", "/api/v1/auth/login", {"username": name, "password": PASSWORD}, source=source))

    def user(self, name, role):
        """Creates a user and logs in as that user."""
        status, body = self.ask("POST", "/api/users", {"username": name, "password": PASSWORD, "role": role}, self.admin)
        assert status == 201, body
        return self.log_in(name)

    def socket(self, receive_bytes=None, source="127.0.0.1"):
        """A raw TCP connection, optionally with a small receive buffer."""
        bare = socket.socket()
        if receive_bytes:
            bare.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        bare.settimeout(30)
        if source:
            bare.bind((source, 0))
        bare.connect(self.address)
        return bare

    def head(self, method, path, login=None, **headers):
        """The head of a request as bytes."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.address[0]}:{self.address[1]}"]
        if login:
            lines += [f"Authorization: Bearer {login['access']}", f"X-CSRF-Token: {login['csrf']}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


class World:
    """Environment of one attack; on exit its processes are ended and its folder is removed."""

    def __init__(self, is_long, chance):
        self.is_long = is_long
        self.chance = chance
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tradingd-attack-"))
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def pick(self, sample, full):
        """`full` with --long, else `sample`."""
        return full if self.is_long else sample

    def place(self):
        """A new temporary folder."""
        return pathlib.Path(tempfile.mkdtemp(dir=self.folder))

    def daemon(self, folder=None, host="127.0.0.1", environment=None, **sections):
        """Starts a daemon with these configuration sections; by default on a free port and without an exchange."""
        config = {"http": {"listen": "127.0.0.1:0"}, "exchange": {"enabled": False}}
        for name, fields in sections.items():
            config[name] = config.get(name, {}) | fields
        daemon = Daemon(folder or self.place(), config, host, environment)
        self.processes.append(daemon)
        return daemon

    def exchange(self, *arguments):
        """Starts a rehearsal exchange; `rest_url` and `ws_url` go into a daemon's `exchange` configuration."""
        exchange = Process(["rehearse", *arguments], "rehearsal exchange is ready")
        self.processes.append(exchange)
        exchange.rest_url = exchange.find(r"http://[\d.:]+").group(0)
        exchange.ws_url = exchange.find(r"ws://\S+").group(0)
        exchange.control_url = exchange.find(r"control\S*\s+(http://[\d.:]+)").group(1)
        return exchange

    def ran(self, *arguments):
        """Runs a command to its end, whatever that is; returns its exit code and output."""
        return subprocess.run([TRADINGD, *arguments], capture_output=True, text=True, check=False)

    def command(self, *arguments):
        """Runs a command to its end; returns its standard output."""
        done = self.ran(*arguments)
        assert done.returncode == 0, f"tradingd {' '.join(arguments)}: {done.stderr}"
        return done.stdout

    def recording(self, state, rows):
        """Imports `rows` random trades of one symbol into a state directory; returns the recording's id."""
        return re.search(r"session_\w+", self.command("import", str(self.trades(rows)), "--state", str(state))).group(0)

    def trades(self, rows):
        """A file of `rows` random trades of one symbol."""
        file = self.place() / "BTC_USDT.trades.csv"
        with file.open("w") as out:
            out.write("timestamp_us,symbol,price,quantity,side\n")
            time_us, price = 1_700_000_000_000_000, 500_000
            for _ in range(rows):
                time_us += self.chance.randrange(1, 200_000)
                price += self.chance.randrange(-5, 6)
                quantity, side = self.chance.randrange(1, 9_999) / 1_000, self.chance.choice(["buy", "sell"])
                out.write(f"{time_us},BTC_USDT,{price / 10:.1f},{quantity:.3f},{side}\n")
        return file

    def show_logs(self, said):
        for process in self.processes:
            print("    " + "    ".join(process.lines[-20:]), end="", file=said)


def timed(work):
    """Seconds that `work()` took, and its result."""
    started = time.monotonic()
    outcome = work()
    return time.monotonic() - started, outcome


def within(seconds, is_done, every=0.1):
    """Waits until `is_done()`; returns the seconds that took. Fails after `seconds`."""
    started = time.monotonic()
    while not is_done():
        assert time.monotonic() - started < seconds, f"not within {seconds} s"
        time.sleep(every)
    return time.monotonic() - started


def at_once(count, work):
    """Runs work(n) on `count` threads; returns the result or exception of each."""
    outcomes = [None] * count

    def run(index):
        try:
            outcomes[index] = work(index)
        except Exception as error:
            outcomes[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
