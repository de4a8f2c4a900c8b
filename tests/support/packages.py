"""Packages of simulated hosts: what their shell says about them, and what apt and services do there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.model.packages import engine_of
from swarmnet.operations.engine import actions
from swarmnet.workflows.fleet.packages import FACTS
from tests.simulator.shell import real_sh

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.simulator import World
    from tests.simulator.machine import Machine

    Ended = tuple[int, bytes, bytes]

_FAMILIES = ("docker.io", "docker-ce")
OLD, NEW = "20.10.24+dfsg1-1", "26.1.5+dfsg1-9"


@dataclass
class Apt:
    """The packages of one host."""

    installed: dict[str, str] = field(default_factory=lambda: {"docker.io": OLD})
    offers: dict[str, tuple[str, ...]] = field(
        default_factory=lambda: {"docker.io": (NEW, OLD), "docker-cli": (NEW,)},
    )
    facts: tuple[tuple[str, ...], ...] = (("os", "debian"), ("age", "60"))
    removes: str = ""
    """A package that conflicts."""
    fails: list[str] = field(default_factory=list)
    """What apt says instead of installing, once each."""
    restarts: bool = True
    """Whether the engine's service comes up."""
    on_install: Callable[[], object] = lambda: None
    on_restart: Callable[[], object] = lambda: None
    """What else happens then."""
    done: list[str] = field(default_factory=list)
    """The commands that changed something."""

    def tell(self) -> str:
        """Return what the script of facts prints."""
        has = next((one for one in _FAMILIES if one in self.installed), "")
        lines = [*self.facts, *((("program", "/usr/sbin/dockerd", has),) if has else ())]
        for name, versions in self.offers.items():
            present = self.installed.get(name)
            lines += [("installed", name, present)] if present else []
            lines += [("offer", name, one, "older" if present and one < present else "ok") for one in versions]
            lines += [("candidate", name, versions[0])] if versions else []
        return "".join("\t".join(line) + "\n" for line in lines)

    def run(self, machine: Machine, argv: Sequence[str], stdin: bytes) -> Ended:
        """Answer what begins with ``sh``."""
        if argv[2] == FACTS:
            return 0, self.tell().encode(), b""
        if argv[2] == actions.INSTALL:
            return self.install(argv[4:])
        if argv[2] == actions.SERVICE:
            self.done.append(argv[4])
            machine.engine_running = self.restarts
            machine.engine_version = engine_of(next(self.installed[one] for one in _FAMILIES if one in self.installed))
            self.on_restart()
            return 0, b"", b""
        return real_sh(machine, argv, stdin)

    def install(self, words: Sequence[str]) -> Ended:
        """Install packages; the engine that runs stays as it is, as with docker.io."""
        self.on_install()
        self.done.append(" ".join(words))
        if self.fails:
            return 100, b"", self.fails.pop().encode()
        self.installed |= dict(word.split("=") for word in words)
        return 0, b"", b""

    def simulate(self, machine: Machine, argv: Sequence[str], stdin: bytes) -> Ended:
        """Say what apt would do: ``env ... apt-get --simulate install``."""
        del machine, stdin
        lines = [f"Remv {self.removes} [1.0]"] if self.removes else []
        for name, version in (word.split("=") for word in argv[argv.index("install") + 1 :]):
            before = f" [{self.installed[name]}]" if name in self.installed else ""
            lines.append(f"Inst {name}{before} ({version} Debian:13/stable [amd64])")
        return 0, "\n".join(lines).encode(), b""


def with_apt(world: World) -> dict[str, Apt]:
    """Give each host packages, and an engine as old as they are."""
    made = {}
    for name, machine in world.machines.items():
        machine.engine_version = engine_of(OLD)
        made[name] = apt = Apt()
        machine.programs |= {"sh": apt.run, "env": apt.simulate}
    return made
