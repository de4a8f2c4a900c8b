"""The listening half: answers UDP and TCP with who it is, and remembers what it heard from whom."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time

from swarmnet.probe import wire

CONNECTIONS = 256
"""Streams served side by side."""
STREAM_LIMIT = 60.0
"""Seconds that one stream may take."""


class Server:
    """One run's listener on one host.

    ``heard`` tells one-way delivery: a datagram that came counts, also when the answer to it gets lost on the way
    back, which no round trip can tell apart from one that never came.
    """

    def __init__(self, run: str, identity: str) -> None:
        self.run = run
        self.identity = identity
        self._heard: dict[str, dict[str, int]] = {}
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)

    def serve(self, lifetime: float) -> None:
        """Listen on all addresses for ``lifetime`` seconds, so that a forgotten probe ends by itself."""
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        datagrams.bind(("", wire.PORT))
        streams = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        streams.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        streams.bind(("", wire.PORT))
        streams.listen(CONNECTIONS)
        for loop, listener in ((self._answer_datagrams, datagrams), (self._answer_streams, streams)):
            threading.Thread(target=loop, args=(listener,), daemon=True).start()
        print("ready", flush=True)
        time.sleep(lifetime)

    def _answer_datagrams(self, listener: socket.socket) -> None:
        while True:
            data, sender = listener.recvfrom(65535)
            message = wire.decode(data)
            if message is None or message.get("run") != self.run:
                continue
            self._count(str(message.get("network")), str(message.get("from")))
            seen = "{}:{}".format(*sender[:2])
            answer = wire.encode({"run": self.run, "nonce": message.get("nonce"), "id": self.identity, "seen": seen})
            try:
                listener.sendto(answer, sender)
            except OSError:
                continue  # the way back is broken; that it was heard is what counts here

    def _count(self, network: str, sender: str) -> None:
        with self._lock:
            row = self._heard.setdefault(network, {})
            row[sender] = row.get(sender, 0) + 1

    def _answer_streams(self, listener: socket.socket) -> None:
        while True:
            stream, _ = listener.accept()
            self._slots.acquire()
            threading.Thread(target=self._one_stream, args=(stream,), daemon=True).start()

    def _one_stream(self, stream: socket.socket) -> None:
        try:
            with stream:
                self._talk(stream)
        except OSError:
            pass  # the peer is gone: it will say so itself
        finally:
            self._slots.release()

    def _talk(self, stream: socket.socket) -> None:
        until = time.monotonic() + STREAM_LIMIT
        message = wire.decode(wire.read_line(stream, until))
        if message is None or message.get("run") != self.run:
            return
        answer: dict[str, object] = {"id": self.identity, "seen": "{}:{}".format(*stream.getpeername()[:2])}
        if message.get("op") == "sum":
            answer["sha256"], answer["bytes"] = _digest(stream, wire.TCP_BYTES, until)
        elif message.get("op") == "heard":
            with self._lock:
                answer["heard"] = {network: dict(row) for network, row in self._heard.items()}
        stream.sendall(wire.encode(answer) + b"\n")


def _digest(stream: socket.socket, expected: int, until: float) -> tuple[str, int]:
    """Return SHA-256 and length of what came, up to ``expected`` bytes."""
    summed = hashlib.sha256()
    got = 0
    buffer = bytearray(256 * 1024)
    while got < expected:
        stream.settimeout(max(0.01, until - time.monotonic()))
        count = stream.recv_into(buffer, min(len(buffer), expected - got))
        if not count:
            break
        summed.update(memoryview(buffer)[:count])
        got += count
    return summed.hexdigest(), got


def identity_from(words: dict[str, object]) -> str:
    """Return this server's identity: the one in its job, or the node that the engine's template filled in."""
    return str(words.get("id") or os.environ.get("SWARMNET_PROBE_ID", ""))
