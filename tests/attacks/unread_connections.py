"""Anonymous clients send requests and never read: they are closed, nobody is locked out, each address is limited."""

import socket
import time

from world import Missing, need_files, within

# http.write_timeout_ms is 10 s.
CLOSED_WITHIN_S = 20


def attack(world):
    count = world.pick(600, 3_000)
    need_files(count + 500)
    figures = [held_forever(world, count), locked_out(world), one_address(world)]
    return "; ".join(figures)


def unread(daemon, count, source="127.0.0.1"):
    """Connections that request large answers and read nothing."""
    asked = daemon.head("GET", "/openapi.json") * 40
    connections = []
    for _ in range(count):
        bare = daemon.socket(receive_bytes=4_096, source=source)
        bare.sendall(asked)
        connections.append(bare)
    return connections


def held_forever(world, count):
    daemon = world.daemon()
    before = daemon.files()
    connections = unread(daemon, count)
    after = within(CLOSED_WITHIN_S + count / 100, lambda: daemon.files() < before + count / 100)
    for bare in connections:
        bare.close()
    return f"{count} unread connections gone after {after:.0f} s"


def locked_out(world):
    """Time that a new client waits when all 200 connections are taken by clients that do not read."""
    daemon = world.daemon(http={"max_connections": 200})
    connections = unread(daemon, 200)
    started = time.monotonic()
    status, _ = daemon.ask("GET", "/health", timeout=CLOSED_WITHIN_S)
    waited = time.monotonic() - started
    assert status == 200
    for bare in connections:
        bare.close()
    return f"with every place taken the next client waited {waited:.1f} s"


def own_address():
    """A non-loopback address of this host."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: connecting a UDP socket only selects the source address.
            probe.connect(("192.0.2.1", 9))
        except OSError as error:
            raise Missing(f"this host has no address beside loopback ({error})") from error
        return probe.getsockname()[0]


def one_address(world):
    address = own_address()
    with socket.socket() as probe:
        probe.bind((address, 0))
        port = probe.getsockname()[1]
    daemon = world.daemon(host=address, http={"listen": f"{address}:{port}", "max_connections_per_address": 64})
    connections = [daemon.socket(source=address) for _ in range(200)]
    served = 0
    for bare in connections:
        try:
            bare.sendall(daemon.head("GET", "/health"))
            served += bare.recv(12)[9:12] == b"200"
        except OSError:
            # Closed by the daemon, possibly before the refusal was read.
            pass
    # Closed only after counting: a closed connection frees its slot for another.
    for bare in connections:
        bare.close()
    assert served == 64, f"{served} of 200 connections of one address were served"
    return f"{served} of 200 connections of one address served"
