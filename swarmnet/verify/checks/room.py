"""Check: each host has disk and memory for an engine in a swarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify import keys
from swarmnet.verify.checks.asked import FILES, MEMORY, files, lines
from swarmnet.verify.checks.host_check import HostCheck, members, unread_in
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import HostCommand
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.verify.scenario import Answers, Findings, Question, Setup

DISK, INODES = keys.command("room/disk"), keys.command("room/inodes")
LEAST = 1024
"""MiB that must be free; images and logs take more soon."""
TIGHT = 95
"""Per cent from which a disk is nearly full, and so are its inodes."""
FULL = 100
LEAST_MEMORY = 384
"""MiB of a host: an engine with swarm mode takes about 150."""
LEAST_AVAILABLE = 64
_COLUMNS = 6


class Room(HostCheck):
    """Free space and inodes where the engine keeps its data, and memory."""

    name: ClassVar[str] = "room"
    summary: ClassVar[str] = "each host has disk and memory for an engine in a swarm"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each host for its disk and memory."""
        found: list[Question] = []
        for facts in setup.state.hosts:
            root = facts.engine.data_root
            found += [
                files(facts.host),
                HostCommand(facts.host, DISK.name, ("df", "-Pm", root)),
                HostCommand(facts.host, INODES.name, ("df", "-Pi", root)),
            ]
        return tuple(found)

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each host and lack."""
        found = [one for host in members(setup) for one in (*_disk(setup, answers, host), *_memory(answers, host))]
        fine = f"{count(len(members(setup)), 'host has', 'hosts have')} disk and memory"
        return self.reported(found, fine, unread_in(setup, answers, FILES, DISK))


def _disk(setup: Setup, answers: Answers, host: str) -> Iterator[Trouble]:
    facts = setup.state.facts(host)
    root = facts.engine.data_root if facts else "/var/lib/docker"
    for key, what, unit in ((DISK, "disk", " MiB"), (INODES, "inodes", "")):
        row = _row(answers, host, key)
        if row is None:
            continue
        left, percent = row
        full = percent >= FULL or not left
        if full or percent >= TIGHT or (unit and left < LEAST):
            yield Trouble(
                CauseId.DISK_FULL if full else CauseId.DISK_LOW,
                (host,),
                f"{left}{unit} of {what} are left for {root} of {host} ({percent} % in use)",
                "free some, or give it a larger disk; these show what takes it:",
                ("docker system df", f"df -h {root}"),
                Status.FAILED if full else Status.WARNING,
            )


def _row(answers: Answers, host: str, key: keys.Key[keys.Ended]) -> tuple[int, int] | None:
    """Return what is left and the per cent in use; None where that is not known, as of inodes on some file systems."""
    ended = key.read(answers, host)
    row = ended.stdout.splitlines()[-1].split() if ended and ended.succeeded and ended.stdout.strip() else []
    if len(row) < _COLUMNS or not row[3].isdigit() or not row[4].removesuffix("%").isdigit() or row[1] == "0":
        return None
    return int(row[3]), int(row[4].removesuffix("%"))


def _memory(answers: Answers, host: str) -> Iterator[Trouble]:
    table = {}
    for line in lines(answers, host, MEMORY) or ():
        name, _, amount = line.partition(":")
        number = amount.split()[:1]
        if number and number[0].isdigit():
            table[name] = int(number[0]) // 1024
    total, free = table.get("MemTotal"), table.get("MemAvailable")
    if total is not None and free is not None and (total < LEAST_MEMORY or free < LEAST_AVAILABLE):
        yield Trouble(
            CauseId.LOW_MEMORY,
            (host,),
            f"{host} has {total} MiB of memory, of which {free} are available",
            "give it more, or stop what takes it; this shows that:",
            ("ps -eo rss,comm --sort=-rss",),
            Status.WARNING,
        )
