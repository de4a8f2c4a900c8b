"""Nights that pass in a moment: a schedule over a simulated cluster, asked every ten minutes as cron asks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from swarmnet.cli.sources import scheduled_sources
from swarmnet.edge.backups.keys import Recipient, Signer, fingerprint
from swarmnet.edge.backups.repository import DirectoryRepository
from swarmnet.edge.backups.vault import AgeVault
from swarmnet.model.backup import Reason
from swarmnet.model.schedule import DrillRun, History, RunRecord, Schedule, Scheduler
from swarmnet.plan.schedule import after_run, is_due
from swarmnet.workflows.backup import Order, create, undisturbed
from swarmnet.workflows.backup_lookup import listing
from swarmnet.workflows.fleet.observe import RECORDED
from swarmnet.workflows.scheduled import Job, carry_out
from tests.support.goals import operator, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from swarmnet.model.schedule import Notice
    from swarmnet.model.sealed import Entry
    from swarmnet.model.state import ClusterState
    from swarmnet.workflows.backup import Taken
    from tests.simulator import World

ALICE, SIGNING = pyrage.x25519.Identity.generate(), Ed25519PrivateKey.generate()
VAULT = AgeVault(
    recipients=(Recipient(str(ALICE.to_public())),),
    trusted=(Signer(fingerprint(SIGNING.public_key())),),
    identities=(ALICE,),
    signing_key=SIGNING,
    single_recipient=True,
)
TICK = timedelta(minutes=10)
DAY = 24 * 3600


class JumpingClock:
    """The world's clock, with a wall clock that someone may set."""

    stopping = False
    patience: float | None = None

    def __init__(self, world: World) -> None:
        self.world = world
        self.ahead = timedelta()

    def now(self) -> datetime:
        return self.world.clock.now() + self.ahead

    def monotonic(self) -> float:
        return self.world.clock.monotonic()

    def sleep(self, seconds: float) -> None:
        self.world.clock.sleep(seconds)


def a_schedule(root: Path, **fields: object) -> Schedule:
    given: dict[str, object] = {
        "cluster": "sim",
        "inventory": str(root / "sim.yml"),
        "repository": str(root / "backups"),
        "keys": str(root / "keys"),
        "at": "0 3 * * *",
        "with_": Scheduler.CRON,
        "max_age": 2 * DAY,
        "installed": datetime(2026, 1, 1, tzinfo=UTC),
        **fields,
    }
    return Schedule.model_validate(given)


@dataclass
class Nights:
    """A machine with a schedule; the bed of its owner is next to it."""

    world: World
    root: Path
    schedule: Schedule
    vault: AgeVault = VAULT
    notices: tuple[Notice, ...] = ()
    copy: Callable[[tuple[Entry, ...]], tuple[str, ...]] = lambda _entries: ()
    drill: Callable[[Entry], DrillRun] | None = None
    archive: Callable[[], str] | None = None
    history: History = field(default_factory=History)
    runs: list[RunRecord] = field(default_factory=list)
    is_asleep: bool = False

    def __post_init__(self) -> None:
        run(self.world)
        self.clock = JumpingClock(self.world)
        self.repository = DirectoryRepository(self.root / "backups")

    @property
    def backups(self) -> list[Entry]:
        return [*listing(self.repository, VAULT, "sim")]

    def pass_days(self, days: float) -> None:
        """Let time pass; the machine asks every ten minutes, unless it sleeps."""
        for _tick in range(round(days * DAY / TICK.total_seconds())):
            self.clock.sleep(TICK.total_seconds())
            if not self.is_asleep and is_due(self.schedule, self.history, self.clock.now(), UTC):
                self.run_once()

    def run_once(self) -> RunRecord:
        job = Job(
            schedule=self.schedule,
            take=self._take,
            repository=self.repository,
            vault=self.vault,
            clock=self.clock,
            copy=self.copy,
            archive=self.archive,
            drill=self.drill,
            notices=self.notices,
        )
        record = carry_out(job, self.history)
        self.history = after_run(self.schedule, self.history, record)
        self.runs.append(record)
        return record

    def _take(self, answered: Callable[[], None]) -> Taken:
        ports = self.world.ports()
        sources, lacks = scheduled_sources(self.schedule)
        order = Order(
            cluster="sim",
            backup_id=f"{len(self.runs) + 1:032x}",
            created=self.clock.now(),
            tool="swarmnet 0.1.0",
            reason=Reason.SCHEDULE,
            inventory=self.world.inventory,
            sources=sources,
        )
        look = partial(undisturbed, ports, RECORDED, operator())

        def observe() -> ClusterState:
            state = look()
            answered()
            return state

        taken = create(
            order, observe, vault=VAULT, repository=self.repository, listener=ports.listener, now=self.clock.now
        )
        return replace(taken, lacks=lacks)
