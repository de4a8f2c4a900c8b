"""Whether hosts answer, as seen from the operator's side."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from swarmnet.errors import LabError

if TYPE_CHECKING:
    from swarmnet.lab.kinds import HostKind
    from swarmnet.lab.state import HostRecord, LabRecord

_SSH_PORT = 22


def ssh_answers(host: HostRecord) -> bool:
    """Tell whether an SSH server greets on the host's address."""
    try:
        with socket.create_connection((str(host.address), _SSH_PORT), timeout=0.5) as client:
            return client.recv(4) == b"SSH-"
    except OSError:
        # Refused, unreachable or silent: in any case it does not answer yet.
        return False


def answers(host: HostRecord, kind: HostKind, *, record: LabRecord) -> bool:
    """Tell whether sshd and engine answer, as far as they are not broken on purpose.

    Raises:
        LabError: The host died by itself; it will never answer.
    """
    broken = {fault.kind for fault in record.faults if fault.host == host.name}
    if "kill" in broken:
        return True
    if not kind.powered(host):
        raise LabError(f"{host.name} died while starting; its last words:\n{kind.last_words(host)}")
    engine = "engine" in broken or kind.engine_answers(host)
    return engine and ("link" in broken or ssh_answers(host))


def excuse(host: HostRecord, kind: HostKind) -> str:
    """Say what of a host does not answer, and its last words."""
    what = "its engine" if ssh_answers(host) else "sshd"
    return f"{host.name}: {what} does not answer; its last words:\n{kind.last_words(host)}"
