"""The engine's log of a service: a time, the details, and what a task printed."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from swarmnet.model.log import LogEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE, TASK = "com.docker.swarm.node.id", "com.docker.swarm.task.id"
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|\+00:00)")


def entries_from_wire(printed: bytes) -> tuple[LogEntry, ...]:
    """Return the lines in the order of their times; the first one may be cut, and is left out then."""
    return tuple(sorted(_entries(printed), key=lambda entry: entry.at))


def since_to_wire(at: str) -> str:
    """Return a time of RFC 3339 as engines take it: seconds and nanoseconds (20.10 to 28.5 refuse RFC 3339 here)."""
    second, _, rest = at.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(f"{second}+00:00").timestamp())
    return f"{seconds}.{rest.ljust(9, '0')}"


def _entries(printed: bytes) -> Iterator[LogEntry]:
    for line in printed.decode(errors="replace").split("\n"):
        time, _, rest = line.partition(" ")
        details, _, text = rest.partition(" ")
        found = _TIME.fullmatch(time)
        about = dict(pair.partition("=")[::2] for pair in details.split(","))
        if found is not None and TASK in about:
            at = f"{found[1]}.{(found[2] or '').ljust(9, '0')}Z"
            node, task = unquote(about.get(NODE, "")), unquote(about[TASK])
            yield LogEntry(at=at, node_id=node, task_id=task, text=text.rstrip("\r"))
