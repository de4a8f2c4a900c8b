"""The one place where logic meets the world: inventories are read, sessions opened, questions asked.

Every command that talks to hosts does it so::

    inventory = read_inventory(path)
    with connected(inventory, verbose=verbose) as ports:
        ...

Progress goes to stderr, results to stdout. Without a terminal, a question is refused with the flag to use instead.
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from swarmnet.errors import RefusedError, UsageError
from swarmnet.report.terminal.text import on_one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from swarmnet.cli.logs import Log
    from swarmnet.edge.session import Session
    from swarmnet.edge.ssh.socket import Stream
    from swarmnet.model.base import Secret
    from swarmnet.model.clock import Clock
    from swarmnet.model.events import Listener
    from swarmnet.model.hosts import Inventory
    from swarmnet.model.lock import Operator
    from swarmnet.model.ports import EnginePort, InsidePort, Ports

ASKING = threading.RLock()
"""Held while a question waits for its answer: logins in the background may ask, too."""
WHICH_INVENTORY = "name the inventory with --inventory FILE, or set SWARMNET_INVENTORY"


def read_inventory(path: Path) -> Inventory:
    """Read an inventory and print its warnings.

    Raises:
        DocumentError: it is wrong; lists every problem with its line.
        UsageError: it cannot be read.
    """
    from swarmnet.edge.operator.files import read_document
    from swarmnet.parse.inventory import parse_inventory

    parsed = parse_inventory(read_document(path, hint=WHICH_INVENTORY), name=str(path), folder=path.parent)
    for warning in parsed.warnings:
        note(f"warning: {warning}")
    return parsed.inventory


@contextmanager
def connected(
    inventory: Inventory,
    *,
    verbose: bool = False,
    timeout: float | None = None,
    listener: Listener | None = None,
    become: bool = False,
    log: Log | None = None,
) -> Iterator[Session]:
    """Yield the ports of one run, with one connection a host, and close them at the end.

    Args:
        inventory: all hosts of the cluster, whatever ``--limit`` says: managers answer for the cluster.
        verbose: also print connections.
        timeout: seconds that one wait may take (``cli.options``); None leaves each wait its own limit.
        listener: gets the events; by default they are printed on stderr.
        log: where each request and each command on a host is logged; None means nowhere.
        become: ask for sudo's password first.

    Raises:
        RefusedError: there is no terminal to ask for the password.
    """
    from swarmnet.edge.operator.clock import SystemClock
    from swarmnet.edge.operator.core_dumps import forbid_core_dumps
    from swarmnet.edge.session import Questions, Session
    from swarmnet.report.terminal.progress import ProgressLines

    forbid_core_dumps()  # keys of SSH, passphrases and secrets will be in memory
    clock = SystemClock(timeout)
    there = sys.stdin.isatty()
    password = _sudo_password() if become else None
    questions = Questions(confirm if there else None, passphrase if there else None, password)
    tell = listener or ProgressLines(sys.stderr, verbose=verbose)
    with (
        nullcontext() if log is None else log.kept(tell),
        Session(
            patient(inventory, timeout),
            partial(_engine, clock),
            start_inside,
            clock=clock,
            listener=tell,
            questions=questions,
        ) as session,
    ):
        yield session


def start_inside(ports: Ports, network: str, image: str | None) -> AbstractContextManager[InsidePort]:
    """Start a probe on a network, in the named image or in one packed from this machine's Python."""
    from swarmnet.cli.probes import probe_kit, this_run
    from swarmnet.verify.inside import inside

    return inside(ports, network, kit=probe_kit(image, None), run=this_run(this_operator()))


@contextmanager
def logging_in(connected: AbstractContextManager[Session], hosts: Iterable[str]) -> Iterator[Ports]:
    """Yield the ports of a run that needs these hosts: the logins go on while the rest of the program loads."""
    with connected as session:
        session.begin(hosts)
        import swarmnet.edge.engine.engine  # noqa: F401 - takes as long as a login

        yield session


def _sudo_password() -> Secret:
    password = passphrase("sudo password on the hosts:") if sys.stdin.isatty() else None
    if password is None:
        raise RefusedError("no sudo password was given; nothing was done", hint="run --ask-become-pass in a terminal")
    return password


def patient(inventory: Inventory, timeout: float | None, *, unwritten: float | None = None) -> Inventory:
    """Return the inventory with no connection waited for longer than this many seconds; None leaves it as it is.

    ``unwritten`` is the limit of hosts whose ``connect_timeout`` the inventory does not say; None means the default.
    """
    from swarmnet.model.hosts import CONNECT_TIMEOUT

    if timeout is None:
        return inventory
    hosts = (
        host.model_copy(
            update={
                "ssh": host.ssh.model_copy(
                    update={"connect_timeout": min(timeout, host.ssh.connect_timeout or unwritten or CONNECT_TIMEOUT)}
                ),
            }
        )
        for host in inventory.hosts
    )
    return inventory.model_copy(update={"hosts": tuple(hosts)})


def _engine(clock: Clock, host: str, open_stream: Callable[[], Stream]) -> EnginePort:
    """Create an engine's client."""
    from swarmnet.edge.engine.engine import Engine

    return Engine(host, open_stream, clock)


def limited(inventory: Inventory, limit: Sequence[str] | None) -> tuple[tuple[str, ...], frozenset[str] | None]:
    """Return the selectors of ``--limit`` (commas split) and the names of the hosts they select; None means all.

    Raises:
        UsageError: it is empty, or a selector matches nothing.
    """
    parts = [[part.strip() for part in words.split(",") if part.strip()] for words in limit or ()]
    if not all(parts):
        raise UsageError("--limit is empty: it selects no host", hint="name hosts or groups, or leave --limit out")
    selectors = tuple(part for one in parts for part in one)
    if not selectors:
        return (), None
    return selectors, frozenset(host.name for host in inventory.select(selectors).hosts)


def note(text: str) -> None:
    """Print a line for people on stderr; stdout is for results."""
    typer.echo(shortened(on_one_line(text)), err=True)


def confirm(question: str) -> bool:
    """Ask a question on the terminal; only "yes" and "y" are a yes."""
    with ASKING:
        note(f"{question} [y/N]")
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def passphrase(question: str) -> Secret | None:
    """Ask for a secret without showing it; None for an empty answer."""
    import getpass

    from swarmnet.model.base import Secret

    with ASKING:
        answer = getpass.getpass(f"{on_one_line(question)} ", stream=sys.stderr)
    return Secret(answer) if answer else None


def confirm_cluster(cluster: str, what: str, *, type_name: bool = False, flag: str = "--yes") -> None:
    """Return when the operator agrees to a change of the cluster; the question names the cluster.

    Args:
        cluster: the cluster's name in the inventory.
        what: what will be done, for the question.
        type_name: True asks for the cluster's name, since a "y" is typed too easily.
        flag: what agrees where there is no terminal.

    Raises:
        RefusedError: the operator does not agree, or there is no terminal to ask.
    """
    if not sys.stdin.isatty():
        raise RefusedError(
            f"cannot ask for confirmation without a terminal: {what} on cluster {cluster}; nothing was changed",
            hint=f"review it, then add {flag}",
        )
    question = f"{what} on cluster {cluster}?"
    if type_name:
        with ASKING:
            note(f"{question} Type the cluster's name to continue:")
            agreed = sys.stdin.readline().strip() == cluster
    else:
        agreed = confirm(question)
    if not agreed:
        raise RefusedError("not confirmed; nothing was changed")


def this_operator() -> Operator:
    """Return who runs this process."""
    import secrets

    from swarmnet.model.lock import Operator

    return Operator(
        user=user_name(), machine=_machine(), pid=os.getpid(), is_alive=_is_alive, token=secrets.token_hex(16)
    )


def user_name() -> str:
    """Return who runs this process: the login name, or the number where that has none."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in containers
        return f"uid {os.getuid()}"


def _machine() -> str:
    """Return the host's name and a digest that is different for each machine and each container."""
    import hashlib
    import socket

    ids = [Path("/etc/machine-id"), Path("/proc/sys/kernel/random/boot_id")]
    space = Path("/proc/self/ns/pid")
    name = socket.gethostname()
    parts = [name, *(path.read_text(encoding="ascii") for path in ids if path.exists())]
    parts += [str(space.readlink())] if space.is_symlink() else []
    return f"{name}/{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:12]}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
