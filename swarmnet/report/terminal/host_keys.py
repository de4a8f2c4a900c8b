"""SSH keys of hosts for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.host_keys import HostKey


def host_key_lines(keys: Sequence[HostKey]) -> list[str]:
    """Return a line for each server: its state and its key, as ``ssh-keygen -l`` prints it."""
    state = max((len(key.state) for key in keys), default=0)
    host = max((len(key.host) for key in keys), default=0)
    return [on_one_line(f"{key.state:<{state}}  {key.host:<{host}}  {_key(key)}") for key in keys]


def _key(key: HostKey) -> str:
    known = f"{key.bits} {key.fingerprint} {key.name} ({key.kind})" if key.fingerprint else ""
    return f"{known}: {key.reason}" if known and key.reason else known or key.reason
