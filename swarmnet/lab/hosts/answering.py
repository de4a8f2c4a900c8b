"""Whether hosts answer, as seen from the operator's side."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from swarmnet.errors import LabError
from swarmnet.lab.faults import family_of

if TYPE_CHECKING:
    from swarmnet.lab.hosts.kinds import HostKind
    from swarmnet.lab.state import HostRecord, LabRecord

_CLOSED_PORT = 1


def ssh_answers(host: HostRecord, kind: HostKind) -> bool:
    """Return whether sshd listens and is reachable, without ever talking to sshd.

    A connection that ends without a login counts against its source address: from OpenSSH 9.8 on, sshd then
    refuses all connections from there for 15 s and more (``PerSourcePenalties``), real users of the lab included.
    """
    return kind.sshd_listens(host) and _reachable(host)


def _reachable(host: HostRecord) -> bool:
    """Return whether a TCP packet gets there and back; the refusal of a closed port proves it."""
    try:
        socket.create_connection((str(host.address), _CLOSED_PORT), timeout=3).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        # Silence, or no route: the cable is cut.
        return False
    return True


def answers(host: HostRecord, kind: HostKind, *, record: LabRecord) -> bool:
    """Return whether sshd and engine answer, unless they are broken on purpose.

    Raises:
        LabError: The host died by itself; it will never answer.
    """
    silent = {what for fault in record.faults if fault.host == host.name for what in family_of(fault).silences}
    if "host" in silent:
        return True
    if not kind.powered(host):
        raise LabError(f"{host.name} died while starting; its last words:\n{kind.last_words(host)}")
    engine = "engine" in silent or kind.engine_answers(host)
    return engine and ("ssh" in silent or ssh_answers(host, kind))


def excuse(host: HostRecord, kind: HostKind) -> str:
    """Return what does not answer on a host, and its last output."""
    what = "its engine" if ssh_answers(host, kind) else "sshd"
    return f"{host.name}: {what} does not answer; its last words:\n{kind.last_words(host)}"
