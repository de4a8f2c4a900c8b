"""The probe beside the overlays, on the host's own network: it watches devices while others send.

A capture must outlive the question that began it, so captures live in a process of their own, which listens on a socket
in the container's file system, where nobody else can reach it. It opens no port on the host.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time

from swarmnet.probe import capture, netlink, wire

SOCKET = "/swarmnet-witness"
PATIENCE = 2.0
"""Seconds that the listening process may take to start."""


class Witness:
    """Holds the captures of one run."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._captures: dict[str, capture.Capture] = {}

    def serve(self, lifetime: float) -> None:
        """Begin and end captures on demand for ``lifetime`` seconds, so that a forgotten witness ends by itself."""
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(self._path)
        os.chmod(self._path, 0o600)
        listener.listen(16)
        threading.Thread(target=self._answer, args=(listener,), daemon=True).start()
        print("ready", flush=True)
        time.sleep(lifetime)

    def _answer(self, listener: socket.socket) -> None:
        while True:
            stream, _ = listener.accept()
            with stream:
                try:
                    answer = self._do(json.loads(stream.makefile("rb").readline()))
                except (OSError, ValueError, KeyError) as error:
                    answer = {"problem": f"{type(error).__name__}: {error}"}
                stream.sendall(wire.encode(answer) + b"\n")

    def _do(self, job: dict[str, object]) -> dict[str, object]:
        name = str(job["name"])
        if job["op"] == "start":
            self._captures[name] = one = capture.Capture(job)
            return {"ready": True, "devices": one.devices}
        return self._captures.pop(name).stop()


def ask(task: dict[str, object], until: float, path: str = SOCKET) -> dict[str, object]:
    """Begin (``capture``) or end (``collect``) a capture of the process that serves in this container.

    A capture without ``devices`` watches those through which the kernel reaches its ``peers``.
    """
    job = {key: value for key, value in task.items() if key not in ("key", "kind")}
    job["op"] = "start" if task["kind"] == "capture" else "stop"
    if task["kind"] == "capture" and "devices" not in job:
        peers = job.get("peers")
        ways = [netlink.route(str(peer)) for peer in (peers if isinstance(peers, list) else [])]
        job["devices"] = sorted({str(way["device"]) for way in ways} - {"lo"})  # the own address is among the peers
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(max(0.1, until - time.monotonic()))
        _connect(stream, path)
        stream.sendall(wire.encode(job) + b"\n")
        answer = wire.decode(stream.makefile("rb").readline())
    return answer or {"problem": "the witness gave no answer"}


def _connect(stream: socket.socket, path: str) -> None:
    """Connect, once the listening process has begun."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            stream.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


def ways(targets: dict[str, object]) -> dict[str, object]:
    """Return for each labelled address how the kernel reaches it, and what its device is like."""
    devices = netlink.links()
    found: dict[str, object] = {}
    for label, address in targets.items():
        try:
            way = netlink.route(str(address))
        except OSError as error:
            found[label] = {"ok": False, "why": error.strerror or str(error)}
        else:
            device = devices.get(str(way.get("device")), {})
            found[label] = {"mtu": device.get("mtu"), **way, "ok": True}
    return found
