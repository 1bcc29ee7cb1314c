"""WebSockets after a logout, with floods, endless fragments or non-minimal lengths: the daemon closes them."""

import struct
import time


def attack(world):
    daemon = world.daemon()
    figures = []
    logins = [daemon.user(f"viewer{n}", "viewer") for n in range(world.pick(20, 200))]
    sockets = [opened(daemon, login) for login in logins]
    slowest = 0
    for login, bare in zip(logins, sockets):
        started = time.monotonic()
        daemon.ask("POST", "/api/v1/auth/logout", login=login)
        code, _ = closed(bare)
        slowest = max(slowest, time.monotonic() - started)
        assert code == 4401, f"closed with {code} after the logout"
    assert slowest < 1, f"closed {slowest:.1f} s after the logout"
    figures.append(f"{len(logins)} of {len(logins)} closed with their logout, slowest {1_000 * slowest:.0f} ms")
    for name, frames, wanted in [
        ("a flood of pings", frame(0x89) * 2_000, 1008),
        ("endless fragments", frame(0x01) + frame(0x00) * 2_000, 1002),
        ("a long length", b"\x81\xfe\x00\x02" + b"\0\0\0\0{}", 1002),
    ]:
        bare = opened(daemon, daemon.admin)
        bare.sendall(frames)
        code, _ = closed(bare)
        assert code == wanted, f"{name}: closed with {code}"
        figures.append(f"{name}: {code}")
    return "; ".join(figures)


def frame(first, payload=b""):
    """A frame masked with zeroes."""
    return bytes([first, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def opened(daemon, login):
    bare = daemon.socket()
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13", "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}
    bare.sendall(daemon.head("GET", "/ws", login, **upgrade))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += bare.recv(1)
    assert b" 101 " in head, head
    return bare


def closed(bare):
    """Code of the close frame and the number of frames before it."""
    bare.settimeout(10)
    before = 0
    with bare, bare.makefile("rb") as frames:
        while True:
            first, length = frames.read(2)
            payload = frames.read(length)
            if first == 0x88:
                return struct.unpack("!H", payload[:2])[0], before
            before += 1
