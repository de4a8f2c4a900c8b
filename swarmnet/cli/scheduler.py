"""The program of the scheduler's container: ``serve`` waits for its times, ``look`` tells what one host's engine says.

It is started by the services that ``swarmnet schedule install --in-swarm`` makes, not by people. Its orders are in
two secrets of the swarm; it has no identity that opens a backup, and no login to a host.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from pydantic import ValidationError

from swarmnet.cli.schedules import LOCK_WAIT, notices, say
from swarmnet.cli.wiring import this_operator
from swarmnet.errors import SchemaError, SwarmnetError, UsageError
from swarmnet.model.events import ignore
from swarmnet.model.in_swarm import HOME, KEY_FILE, ORDERS_FILE, SERVICE, SOCKET, Orders
from swarmnet.model.schedule import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.edge.backups.vault import AgeVault
    from swarmnet.edge.engine.engine import Engine
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Event
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.schedule import History, Schedule
    from swarmnet.model.state import ClusterState, HostFacts
    from swarmnet.workflows.backup import Taken

SECRETS = Path("/run/secrets")
_HERE = "here"
"""What a host calls itself that does not know its name in the inventory."""
_UNSENT = 30
"""Backups that wait for a target that does not answer; they are in memory."""


def main(argv: Sequence[str]) -> int:
    """Do one of the two; return the exit code."""
    match argv:
        case ["serve"]:
            serve()
        case ["look", public]:
            tell_facts(public)
        case _:
            say("usage: python -m swarmnet.cli.scheduler serve | look RECIPIENT", is_problem=True)
            return UsageError.exit_code
    return 0


def tell_facts(public: str) -> None:
    """Print what the engine of this host says, sealed to the run that asks."""
    from swarmnet.edge.backups.envelope import enclosed
    from swarmnet.workflows.in_swarm_look import answer, lines

    found = answer(_facts)
    for line in lines(enclosed(found.model_dump_json().encode(), public)):
        sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _facts() -> HostFacts:
    from swarmnet.edge.local import LocalPorts, local_engine
    from swarmnet.edge.operator.clock import SystemClock
    from swarmnet.model.hosts import Host, Inventory
    from swarmnet.workflows.fleet.observe import RECORDED, observe

    clock, alone = SystemClock(), Inventory(cluster=_HERE, hosts=(Host(name=_HERE, address=_HERE),))
    ports = LocalPorts(alone, _HERE, local_engine(_HERE, SOCKET, clock), clock, ignore)
    return observe(ports, RECORDED).hosts[0]


def serve() -> NoReturn:
    """Run the schedule until the container is stopped."""
    from swarmnet.edge.local import local_engine
    from swarmnet.edge.operator.clock import SystemClock
    from swarmnet.workflows.in_swarm_look import clear
    from swarmnet.workflows.in_swarm_loop import TURN_EVERY, Scheduler

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    clock, orders = SystemClock(), read_orders(SECRETS / ORDERS_FILE)
    furnish(Path(os.environ.get("HOME", HOME)), orders)
    engine = local_engine(SERVICE, SOCKET, clock)
    scheduler = Scheduler(orders.schedule, partial(carried_out, orders, engine, clock), clock)
    say(f"backups of {orders.schedule.cluster} at {orders.schedule.at} (UTC) to {orders.schedule.repository}")
    said, begun = "", False
    while True:
        try:
            if not begun:
                clear(engine)  # the job of a run that died with its node
                begun = True
            scheduler.turn(engine)
            said = ""
        except SwarmnetError as error:  # no manager answers: nothing can be written down
            if str(error) != said:
                said = str(error)
                say(f"no turn: {said}", is_problem=True)
        clock.sleep(TURN_EVERY)


def read_orders(path: Path) -> Orders:
    """Return the orders of the scheduler.

    Raises:
        UsageError: the secret is not there.
        SchemaError: it is of another version.
    """
    try:
        return Orders.model_validate_json(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="swarmnet schedule install --in-swarm") from None
    except ValidationError:
        hint = "build an image of the version that installed it, and install it again"
        raise SchemaError(f"{path} is of another version than this image", hint=hint) from None


def furnish(home: Path, orders: Orders) -> None:
    """Write the files that targets need below the home, which is in memory."""
    for name, text in orders.files.items():
        path = home / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text, encoding="utf-8")


def carried_out(orders: Orders, engine: Engine, clock: Clock, history: History) -> RunRecord:
    """Do one run; the first target is the repository, the others get copies."""
    from swarmnet.cli.schedules import copied
    from swarmnet.cli.targets import repository_at
    from swarmnet.workflows.scheduled import Job, carry_out

    schedule = orders.schedule
    try:
        repository, vault = repository_at(schedule.repository), _vault(orders)
    except SwarmnetError as error:
        return _unusable(schedule, error, history, clock)
    job = Job(
        schedule=schedule,
        take=partial(_take, orders, engine, clock, vault),
        repository=repository,
        vault=vault,
        clock=clock,
        copy=partial(copied, schedule, repository, vault),
        notices=notices(schedule),
        tell=say,
    )
    return carry_out(job, history)


def _unusable(schedule: Schedule, error: SwarmnetError, history: History, clock: Clock) -> RunRecord:
    """Return a run that failed before it began, and tell those who hear of runs."""
    line = f"no backup was taken: {error}" + (f" ({error.hint})" if error.hint else "")
    say(line, is_problem=True)
    newest = None if history.last is None else history.last.newest
    record = RunRecord(started=clock.now(), exit_code=error.exit_code, lines=(line,), newest=newest)
    for notice in notices(schedule):
        if problem := notice.ended(schedule, record):
            say(f"warning: {problem}", is_problem=True)
    return record


def _vault(orders: Orders) -> AgeVault:
    """Return what seals and checks: without an identity it opens nothing."""
    from swarmnet.edge.backups.keys import Signer, fingerprint, load_signing_key, parse_recipient, parse_signer
    from swarmnet.edge.backups.vault import AgeVault

    key = load_signing_key(SECRETS / KEY_FILE)
    return AgeVault(
        recipients=tuple(parse_recipient(text) for text in orders.recipients),
        trusted=(Signer(fingerprint(key.public_key())), *(parse_signer(text) for text in orders.signers)),
        signing_key=key,
        single_recipient=orders.schedule.single_recipient,
    )


def _take(orders: Orders, engine: Engine, clock: Clock, vault: AgeVault, answered: Callable[[], None]) -> Taken:
    """Take a backup, and bring it to the first target before it counts."""
    import uuid
    from dataclasses import replace
    from importlib.metadata import version as installed

    from swarmnet.edge.backups.repository import DirectoryRepository
    from swarmnet.model.backup import Reason
    from swarmnet.workflows.backup import Order, create
    from swarmnet.workflows.in_swarm_look import placed

    schedule = orders.schedule
    hosts = placed(schedule.cluster, orders.members, engine.nodes.list())
    order = Order(
        cluster=schedule.cluster,
        backup_id=uuid.uuid4().hex,
        created=clock.now(),
        tool=f"swarmnet {installed('swarmnet')}",
        reason=Reason.SCHEDULE,
        inventory=hosts.inventory,
        sources=orders.sources,
    )

    def observe() -> ClusterState:
        state = _observed(orders, engine, clock)
        answered()
        return state

    spool = DirectoryRepository(Path(tempfile.gettempdir()) / "unsent")
    taken = create(order, observe, vault=vault, repository=spool, listener=_progress, now=clock.now)
    return replace(taken, url=_brought(orders, spool, vault, taken))


def _observed(orders: Orders, engine: Engine, clock: Clock) -> ClusterState:
    """Return the state of the cluster, its hosts as the job heard them."""
    from swarmnet.edge.backups.envelope import AgeEnvelope
    from swarmnet.edge.local import LocalPorts
    from swarmnet.workflows.in_swarm_look import Watch, observed

    def ports(hosts: Inventory, here: str) -> LocalPorts:
        return LocalPorts(hosts, here, engine, clock, _progress)

    return observed(Watch(orders, engine, ports, AgeEnvelope(), this_operator(), LOCK_WAIT))


def _progress(event: Event) -> None:
    from swarmnet.model.events import Progress

    if isinstance(event, Progress):
        say(event.text, is_problem=False)


def _brought(orders: Orders, spool: DirectoryRepository, vault: AgeVault, taken: Taken) -> str:
    """Bring all that waits to the first target; return where the new backup is.

    Raises:
        SwarmnetError: it did not arrive; it waits for the next run, in memory.
    """
    from swarmnet.cli.targets import destination
    from swarmnet.workflows.backup_copy import copy
    from swarmnet.workflows.backup_lookup import listing

    waiting = sorted(listing(spool, vault), key=lambda one: one.name)
    for old in waiting[:-_UNSENT]:
        spool.remove(old)
    to = destination(orders.schedule.repository)
    found = copy(waiting[-_UNSENT:], source=spool, vault=vault, to=to, listener=_progress)
    url = ""
    for one in found:
        if one.problem is None:
            spool.remove(one.entry)
        if one.entry.id == taken.document.id:
            if one.problem is not None:
                say(f"{one.entry.name} waits here, in memory, and goes with the next run")
                raise one.problem
            url = one.at
    return url


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except SwarmnetError as failure:
        say(f"error: {failure}" + (f" ({failure.hint})" if failure.hint else ""), is_problem=True)
        sys.exit(failure.exit_code)
