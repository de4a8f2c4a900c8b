"""The friendly ways to write what a service's containers have: health, names, rights, limits."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from swarmnet.model.container_parts import Dns, Healthcheck, Seccomp, Ulimit, normal_capability
from swarmnet.operations.notation import Duration, Words, Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonValue

LEAST_INTERVAL = 0.001
"""Seconds; engines take no shorter one of health checks (moby validateHealthCheck)."""
_CAPABILITIES = """
AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER
FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE
NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE
SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
"""
CAPABILITIES = frozenset(_CAPABILITIES.split())
"""Of Linux (capabilities(7), kernel 5.9 and later), without ``CAP_``."""
_ULIMITS = "core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack"
ULIMITS = frozenset(_ULIMITS.split())
"""Limits of processes that engines know (docker/go-units)."""


def _test(value: object) -> object:
    """Return the test of a health check; a text is for a shell, as in Compose."""
    if isinstance(value, str):
        return ["CMD-SHELL", value] if value.strip() else []
    if not isinstance(value, list) or not value:
        return value
    kind, rest = value[0], value[1:]
    if kind == "NONE" and rest:
        raise ValueError("[NONE] switches the check off and takes no command: write 'disable: true'")
    if kind == "CMD" and not rest:
        raise ValueError("has no command: write [CMD, program, argument]")
    if kind == "CMD-SHELL" and len(rest) != 1:
        raise ValueError("[CMD-SHELL, ...] takes one text for the shell: write the command as one text")
    if kind not in ("NONE", "CMD", "CMD-SHELL"):
        raise ValueError(
            f"begins with {kind!r}: write a text for a shell, or a list that begins with CMD, as in"
            " [CMD, curl, -f, localhost]"
        )
    return value


def _long_enough(value: float) -> float:
    if 0 < value < LEAST_INTERVAL:
        raise ValueError("is less than 1ms, the least that engines take")
    return value


_Interval = Annotated[Duration, AfterValidator(_long_enough)]
_TEST_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": ["string", "number", "boolean"]}}]}


def _test_words(value: tuple[str, ...]) -> Iterator[JsonValue]:
    if value[:1] == ("CMD-SHELL",):
        yield value[1]


class _Healthcheck(Healthcheck):
    """A health check with durations and commands as people write them."""

    test: Annotated[Words, BeforeValidator(_test), Written(_test_words), WithJsonSchema(_TEST_SCHEMA)] | None = None
    interval: _Interval | None = None
    timeout: _Interval | None = None
    start_period: _Interval | None = None
    start_interval: _Interval | None = None


def _healthcheck(value: object) -> object:
    """Return a health check for ``disable: true``, too."""
    if not isinstance(value, dict) or "disable" not in value:
        return value
    disable = value["disable"]
    rest = {key: one for key, one in value.items() if key != "disable"}
    if not isinstance(disable, bool):
        raise ValueError("disable must be true or false")  # noqa: TRY004 - pydantic wants ValueError
    if disable and rest:
        raise ValueError(f"disable: true switches the check off: leave out {', '.join(map(str, rest))}")
    return {"test": ["NONE"]} if disable else rest


def _healthcheck_words(value: Healthcheck) -> Iterator[JsonValue]:
    if value.test == ("NONE",):
        yield {"disable": True}


def _address(value: str) -> str:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        raise ValueError(f"{value!r} is not an IP address") from None
    return value


class DnsForm(Dns):
    """Name servers with addresses that are checked."""

    servers: tuple[Annotated[str, AfterValidator(_address)], ...] | None = None
    search: Words | None = None
    options: Words | None = None


def _host_list(value: object) -> object:
    """Return addresses by name for ``[name:address, name=address]``, as Compose writes them, too."""
    if not isinstance(value, list):
        return value
    found: dict[str, str] = {}
    for one in value:
        name, sign, address = (
            re.split(r"([:=])", one, maxsplit=1) if isinstance(one, str) and re.search("[:=]", one) else ("", "", "")
        )
        if not sign or not name:
            raise ValueError(f"{one!r} is not a host: write 'name: address'")
        if name in found:
            raise ValueError(f"host {name!r} is listed twice")
        found[name] = address.strip("[]")
    return found


def _hosts(value: dict[str, str]) -> dict[str, str]:
    for name, address in value.items():
        if not name or re.search(r"\s", name):
            raise ValueError(f"{name!r} is not a host name")
        if address != "host-gateway":
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ValueError(f"{name}: {address!r} is not an IP address: write 10.0.0.7, or host-gateway") from None
    return value


def _capability(value: str) -> str:
    name = normal_capability(value)
    bare = name.removeprefix("CAP_")
    if name != "ALL" and bare not in CAPABILITIES:
        raise ValueError(f"{value!r} is not a capability: write one of capabilities(7), such as NET_ADMIN, or ALL")
    return name


def _capability_words(value: str) -> Iterator[JsonValue]:
    yield value.removeprefix("CAP_")


def _ulimit(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return {"soft": value, "hard": value}
    if isinstance(value, dict) and ("soft" in value) is not ("hard" in value):
        raise ValueError("has one of two limits: write both soft and hard, or one number for both")
    return value


def _reachable(value: Ulimit) -> Ulimit:
    soft, hard = (float("inf") if one == -1 else one for one in (value.soft, value.hard))
    if soft > hard:
        raise ValueError(f"soft {value.soft} is more than hard {value.hard}: programs cannot exceed the hard limit")
    return value


def _ulimit_words(value: Ulimit) -> Iterator[JsonValue]:
    if value.soft == value.hard:
        yield value.soft


def _known(value: dict[str, Ulimit]) -> dict[str, Ulimit]:
    for name in value:
        if name not in ULIMITS:
            raise ValueError(f"{name!r} is not a limit that engines know: {', '.join(sorted(ULIMITS))}")
    return value


def _profile(value: object) -> object:
    """Return a profile as text for one that is written in YAML."""
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, str):
        try:
            known = isinstance(json.loads(value), dict)
        except ValueError:
            known = False
        if not known:
            raise ValueError("is not a profile in JSON: write it as a mapping, or paste the JSON")
    return value


def _profile_words(value: str) -> Iterator[JsonValue]:
    yield json.loads(value)


class _Seccomp(Seccomp):
    """A mode, and a profile as YAML or JSON."""

    profile: (
        Annotated[
            str,
            BeforeValidator(_profile),
            Written(_profile_words),
            WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string"}]}),
        ]
        | None
    ) = None


def _seccomp(value: Seccomp) -> Seccomp:
    if value.mode == "custom" and value.profile is None:
        raise ValueError("mode custom needs a profile")
    if value.mode in ("default", "unconfined") and value.profile is not None:
        raise ValueError(f"a profile counts in mode custom only, not in mode {value.mode}")
    return value


HealthcheckForm = Annotated[
    _Healthcheck,
    BeforeValidator(_healthcheck, json_schema_input_type=dict[str, object] | _Healthcheck),
    Written(_healthcheck_words),
]
HostsForm = Annotated[
    dict[str, str],
    BeforeValidator(_host_list, json_schema_input_type=dict[str, str] | list[str]),
    AfterValidator(_hosts),
]
CapabilityForm = Annotated[str, AfterValidator(_capability), Written(_capability_words)]
UlimitsForm = Annotated[
    dict[
        str,
        Annotated[
            Ulimit,
            BeforeValidator(_ulimit, json_schema_input_type=int | Ulimit),
            AfterValidator(_reachable),
            Written(_ulimit_words),
        ],
    ],
    AfterValidator(_known),
]
SeccompForm = Annotated[_Seccomp, AfterValidator(_seccomp)]
