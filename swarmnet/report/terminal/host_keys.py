"""Host keys for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from swarmnet.report.terminal.text import on_one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import JsonValue
    from swarmnet.model.host_keys import HostKey


def host_key_lines(keys: Sequence[HostKey]) -> list[str]:
    """Return a line for each server: its state and its key, as ``ssh-keygen -l`` prints it."""
    state = max((len(key.state) for key in keys), default=0)
    host = max((len(key.host) for key in keys), default=0)
    return [on_one_line(f"{key.state:<{state}}  {key.host:<{host}}  {_key(key)}") for key in keys]


def host_keys_json(keys: Sequence[HostKey]) -> list[JsonValue]:
    """Return the keys as JSON."""
    return [
        {
            "host": key.host,
            "name": key.name,
            "state": key.state.value,
            "type": key.kind or None,
            "bits": key.bits or None,
            "fingerprint": key.fingerprint or None,
            "reason": key.reason or None,
            "known_hosts": key.kept_in,
        }
        for key in keys
    ]


def _key(key: HostKey) -> str:
    told = f"{key.bits} {key.fingerprint} {key.name} ({key.kind})" if key.fingerprint else ""
    return f"{told}: {key.reason}" if told and key.reason else told or key.reason
