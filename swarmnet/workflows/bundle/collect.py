"""The story of ``bundle``: ask all hosts, learn what must be hidden, hide it, and only then make files.

What hosts print stays in memory until all is known that must be hidden: a value of one host may be in a log of another.
A host that does not answer, or is too slow, costs its own files alone.
"""

from __future__ import annotations

import json
import shlex
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from swarmnet.errors import CommandError, HostError, HostTimeoutError
from swarmnet.model.events import Progress
from swarmnet.model.evidence import Absence, Evidence, Piece
from swarmnet.model.plural import count
from swarmnet.model.printable import printable
from swarmnet.model.redaction import Cover
from swarmnet.workflows.bundle.hiding import Hiding
from swarmnet.workflows.bundle.origins import learn, learn_settings, shown
from swarmnet.workflows.bundle.pseudonyms import Pseudonyms, folder_of
from swarmnet.workflows.bundle.questions import SETTINGS, Asked, Form, questions
from swarmnet.workflows.bundle.window import within
from swarmnet.workflows.fleet.fanout import fan_out

if TYPE_CHECKING:
    from pydantic import JsonValue

    from swarmnet.model.ports import Completed, Ports
    from swarmnet.model.state import ClusterState

HOST_SECONDS = 120.0
"""Seconds for all commands of one host; what is not asked by then is left out, and listed."""
_NOT_FOUND = 127


@dataclass(frozen=True, slots=True)
class OwnFile:
    """A file of the operator's machine."""

    path: str
    """In the archive."""
    made_by: str
    value: JsonValue
    """None where there is none."""


@dataclass(frozen=True, slots=True)
class BundleWish:
    """What the operator wants in the bundle."""

    hosts: tuple[str, ...]
    log_seconds: int
    """How far logs and events go back."""
    pseudonyms: bool = False
    """Replace the names and addresses of hosts, each by the same word everywhere."""
    extra: tuple[OwnFile, ...] = ()
    """What the operator's machine adds."""
    host_seconds: float = HOST_SECONDS


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a host printed; never written anywhere."""

    host: str
    asked: Asked
    output: bytes = b""
    error: str = ""
    exit_code: int | None = None
    seconds: float = 0.0
    truncated: bool = False


class _FullError(Exception):
    """A file holds as much as it may."""


@dataclass(slots=True)
class _Bounded:
    """Collects what a command prints, up to a limit."""

    limit: int
    output: bytearray = field(default_factory=bytearray)

    def take(self, part: bytes) -> None:
        """Take a part; raise where the limit is passed, which ends the command."""
        self.output += part[: self.limit + 1 - len(self.output)]
        if len(self.output) > self.limit:
            del self.output[self.limit :]
            raise _FullError


def collect(ports: Ports, state: ClusterState, wish: BundleWish) -> Evidence:
    """Return the evidence of all hosts, free of secrets."""
    raw: dict[str, list[_Raw]] = {host: [] for host in wish.hosts}
    asked = questions(wish.log_seconds, ports.clock.now().timestamp())
    ports.listener(Progress(f"asking {count(len(wish.hosts), 'host')} for evidence"))
    work = partial(_ask_host, ports, asked, raw, wish.host_seconds)
    ended = fan_out(wish.hosts, work, limit=wish.host_seconds + 60.0)
    hiding = Hiding()
    learn(state, hiding.known)
    everything = [one for host in wish.hosts for one in tuple(raw[host])]
    for one in everything:
        _learn(one, hiding)
    pieces = [*_of_cluster(state, hiding), *_of_operator(wish, hiding), *(_piece(one, hiding) for one in everything)]
    absent = [*_absent(state), *_failed(ended, len(asked), raw)]
    clean = tuple(Absence(one.host, hiding.text(printable(one.reason))) for one in dict.fromkeys(absent))
    found = Evidence(ports.inventory.cluster, tuple(pieces), clean, wish.hosts)
    return Pseudonyms.of(ports.inventory, state).replaced(found) if wish.pseudonyms else found


def _ask_host(ports: Ports, asked: tuple[Asked, ...], raw: dict[str, list[_Raw]], seconds: float, host: str) -> None:
    """Ask a host everything. What it said before it failed stays in ``raw``."""
    begun = ports.clock.monotonic()
    for one in asked:
        left = seconds - (ports.clock.monotonic() - begun)
        if left <= 0:
            raw[host].append(_Raw(host, one, error=f"left out: the host took longer than {seconds:g} s"))
            continue
        raw[host].append(_ask(ports, host, replace(one, wait=min(one.wait, left))))


def _ask(ports: Ports, host: str, asked: Asked) -> _Raw:
    begun = ports.clock.monotonic()
    taken = _Bounded(asked.largest)
    ended: Completed | None = None
    error = ""
    try:
        ended = _run(ports, host, asked, taken)
    except _FullError:
        pass
    except (CommandError, HostTimeoutError) as problem:
        error = problem.message
    seconds = ports.clock.monotonic() - begun
    truncated = ended is None and not error
    if ended is not None:
        error = ended.stderr.decode(errors="replace").strip()
    code = None if ended is None else ended.exit_code
    return _Raw(host, asked, bytes(taken.output), error, code, round(seconds, 3), truncated)


def _run(ports: Ports, host: str, asked: Asked, taken: _Bounded) -> Completed:
    """Run a command as root where that is possible, else as the user of SSH."""
    run = partial(ports.shell(host).stream, asked.argv, sink=taken.take, timeout=asked.wait)
    if asked.sudo:
        with suppress(CommandError):
            return run(sudo=True)
        taken.output.clear()
    return run(sudo=False)


def _learn(one: _Raw, hiding: Hiding) -> None:
    """Mark what the settings of an engine hide."""
    found = _parsed(one.output)
    if one.asked.form is Form.SETTINGS and found is not None:
        learn_settings(found, hiding.json(found, shown=SETTINGS), hiding.known)


def _parsed(text: bytes) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value


def _piece(one: _Raw, hiding: Hiding) -> Piece:
    """Return what a host printed as a file, free of secrets; as a line only, where there is nothing to read."""
    command = shlex.join(one.asked.argv)
    error = hiding.text(printable(one.error[:_LONGEST_ERROR]), variables=True)
    missing = one.asked.optional and one.exit_code is not None and one.exit_code != 0 and not one.output
    problem = "not there" if missing or one.exit_code == _NOT_FOUND else error if one.exit_code != 0 else ""
    if one.truncated:
        problem = f"cut after {one.asked.largest} bytes"
    content, unread = _content(one, hiding)
    return Piece(
        path=f"hosts/{folder_of(one.host)}/{one.asked.file}" if content else "",
        host=one.host,
        command=command,
        content=content,
        problem=problem or unread,
        exit_code=one.exit_code,
        seconds=one.seconds,
        truncated=one.truncated,
    )


_LONGEST_ERROR = 2000
"""Characters of what a command complains."""


def _content(one: _Raw, hiding: Hiding) -> tuple[bytes, str]:
    """Return the file, and why there is none though the command printed something."""
    if not one.output:
        return b"", ""
    if one.asked.form in (Form.JSON, Form.SETTINGS):
        found = _parsed(one.output)
        if found is None:
            return b"", "left out: it is not JSON, so it is not known what must be hidden in it"
        shown_names = SETTINGS if one.asked.form is Form.SETTINGS else None
        return _json(hiding.json(found, shown=shown_names), hiding), ""
    text = printable(one.output.decode(errors="replace"))
    text = text if one.asked.begin is None else within(text, one.asked.begin)
    return hiding.text(text, variables=one.asked.form is Form.LOG).encode(), ""


def _json(value: JsonValue, hiding: Hiding) -> bytes:
    return (json.dumps(hiding.known.masked_json(value), indent=1, ensure_ascii=False) + "\n").encode(errors="replace")


def _of_cluster(state: ClusterState, hiding: Hiding) -> list[Piece]:
    """Return what managers and engines say of their objects."""
    content = _json(hiding.covered(dict(shown(state, Cover()))), hiding)
    return [Piece("cluster/state.json", None, "the managers' and the engines' lists of objects", content)]


def _of_operator(wish: BundleWish, hiding: Hiding) -> list[Piece]:
    return [
        Piece(one.path, None, one.made_by, _json(hiding.covered(one.value), hiding))
        if one.value is not None
        else Piece("", None, one.made_by, problem="there is none")
        for one in wish.extra
    ]


def _absent(state: ClusterState) -> list[Absence]:
    return [Absence(one.host, one.reason) for one in state.failures]


def _failed(ended: dict[str, HostError | None], number: int, raw: dict[str, list[_Raw]]) -> list[Absence]:
    found = []
    for host, end in ended.items():
        if isinstance(end, HostError):
            found.append(Absence(host, f"{len(raw[host])} of {number} commands were run: {end.message}"))
    return found
