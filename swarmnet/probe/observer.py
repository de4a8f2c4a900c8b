"""The probe on the host's own network: it watches devices while other probes send. It opens ports for a watch alone."""

from __future__ import annotations

from swarmnet.probe import capture, netlink, watch


class Observer:
    """Holds the captures of one run, from the question that begins one to the question that ends it."""

    def __init__(self) -> None:
        self._captures: dict[str, capture.Capture] = {}
        self._watches: dict[str, watch.Watch] = {}

    def begin(self, task: dict[str, object]) -> dict[str, object]:
        """Begin a capture on the devices through which the kernel reaches ``peers``, or on ``devices``."""
        peers = task.get("peers")
        ways = [netlink.route(str(peer)) for peer in (peers if isinstance(peers, list) else [])]
        used = sorted({str(way["device"]) for way in ways} - {"lo"})  # the own address is among the peers
        self._captures[str(task["name"])] = one = capture.Capture({"devices": used, **task})
        return {"ready": True, "devices": one.devices}

    def end(self, task: dict[str, object]) -> dict[str, object]:
        """End a capture once ``await`` came, and return its counts; raises ``KeyError`` for one that was not begun."""
        return self._captures.pop(str(task["name"])).stop(task.get("await"))

    def watch(self, run: str, task: dict[str, object]) -> dict[str, object]:
        """Begin to hear what comes to ports of a swarm, and open those that no program has."""
        self._watches[str(task["name"])] = one = watch.Watch(run, task)
        return {"ready": True, "taken": list(one.taken)}

    def watched(self, task: dict[str, object]) -> dict[str, object]:
        """Return what a watch heard once all of ``await`` came or is lost; with ``end``, end it.

        Raises ``KeyError`` for one that was not begun.
        """
        name = str(task["name"])
        one = self._watches[name]
        one.wait_for(task)
        return self._watches.pop(name).stop() if task.get("end") else one.counts()
