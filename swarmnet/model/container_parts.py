"""What the containers of tasks have besides their program: health, names, rights. None is not managed."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Annotated, cast

from pydantic import Field
from typing_extensions import override

from swarmnet.model.base import Count, Document, Flag
from swarmnet.model.codecs import FLAG, INTEGER, SECONDS_OR_UNSET, TEXT, TEXTS, Unordered, Word
from swarmnet.model.fields import Codec, EngineField

if TYPE_CHECKING:
    from swarmnet.model.base import JsonValue
    from swarmnet.model.fields import Read

SECCOMP_MODES = ("default", "unconfined", "custom")
PRIVILEGES_API = "1.44"
"""The first API version with no_new_privileges, seccomp and AppArmor of services."""


class Healthcheck(Document):
    """How an engine finds out whether a task is healthy; what is left out, or 0, is the image's."""

    test: Annotated[tuple[str, ...] | None, EngineField("Test", TEXTS, hidden=True)] = None
    """[CMD, program, argument ...], or a text for a shell; [] is the image's, [NONE] switches the check off."""
    interval: Annotated[float | None, EngineField("Interval", SECONDS_OR_UNSET)] = None
    """Seconds between two checks."""
    timeout: Annotated[float | None, EngineField("Timeout", SECONDS_OR_UNSET)] = None
    """Seconds after which a check that still runs has failed."""
    retries: Annotated[Count | None, EngineField("Retries", INTEGER, 0)] = None
    """Failures in a row that make a task unhealthy."""
    start_period: Annotated[float | None, EngineField("StartPeriod", SECONDS_OR_UNSET)] = None
    """Seconds after the start in which failures do not count."""
    start_interval: Annotated[float | None, EngineField("StartInterval", SECONDS_OR_UNSET, since="1.44")] = None
    """Seconds between two checks within the start period."""


class Dns(Document):
    """Whom the tasks ask for names that are not of the swarm."""

    servers: Annotated[tuple[str, ...] | None, EngineField("Nameservers", TEXTS)] = None
    """Addresses of name servers."""
    search: Annotated[tuple[str, ...] | None, EngineField("Search", TEXTS)] = None
    """Domains in which short names are looked up."""
    options: Annotated[tuple[str, ...] | None, EngineField("Options", TEXTS)] = None
    """Options of the resolver, such as ndots:1."""


class Ulimit(Document):
    """One limit of the kernel; -1 is without limit."""

    soft: Annotated[int, Field(ge=-1)]
    """The limit that holds."""
    hard: Annotated[int, Field(ge=-1)]
    """How far a program may raise it."""


class Ulimits(Codec):
    """Limits by name, in any order."""

    word = "limits by name"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        found = [_ulimit(one) for one in value]
        named = dict(one for one in found if one is not None)
        return (named, None) if len(named) == len(value) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        wanted = cast("dict[str, Ulimit]", value)
        there = {}
        for one in present if isinstance(present, list) else ():
            known = _ulimit(one)
            if known is not None:
                there[known[0]] = (known[1], one)
        names = dict.fromkeys([*(name for name in there if name in wanted), *wanted])
        found: list[JsonValue] = []
        for name in names:
            known_limit, literal = there.get(name, (None, None))
            limit = wanted[name]
            json: JsonValue = {"Name": name, "Soft": limit.soft, "Hard": limit.hard}
            found.append(literal if known_limit == limit else json)
        return found

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return {
            name: {"soft": one.soft, "hard": one.hard} for name, one in cast("dict[str, Ulimit]", value or {}).items()
        }


def _ulimit(one: JsonValue) -> tuple[str, Ulimit] | None:
    if not isinstance(one, dict) or one.keys() - {"Name", "Soft", "Hard"}:
        return None
    name, soft, hard = one.get("Name"), one.get("Soft", 0), one.get("Hard", 0)
    whole = all(isinstance(number, int) and not isinstance(number, bool) and number >= -1 for number in (soft, hard))
    known = isinstance(name, str) and name and whole
    return (str(name), Ulimit(soft=cast("int", soft), hard=cast("int", hard))) if known else None


class Hosts(Codec):
    """Addresses by name, lines ``ADDRESS NAME`` there; a name with two addresses, or lines with more, stay there."""

    word = "addresses by name"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, list):
            return None
        pairs = [one.split(" ") for one in value if isinstance(one, str)]
        named = {pair[1]: pair[0] for pair in pairs if len(pair) == 2 and all(pair)}  # noqa: PLR2004 - a pair
        return (named, None) if len(named) == len(value) else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        wanted = cast("dict[str, str]", value)
        there = [str(one).partition(" ")[2] for one in present] if isinstance(present, list) else []
        names = dict.fromkeys([*(name for name in there if name in wanted), *wanted])
        return [f"{wanted[name]} {name}" for name in names]

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return dict(cast("dict[str, str]", value or {}))


class Capabilities(Unordered):
    """Rights of the kernel, with or without ``CAP_`` in front, in any order."""

    word = "set of capabilities"

    @override
    def normal(self, value: object) -> JsonValue:
        return [*sorted({normal_capability(one) for one in cast("tuple[str, ...]", value)})]


def normal_capability(name: str) -> str:
    """Return a capability as engines keep it: ``CAP_NET_ADMIN`` for ``net_admin``."""
    upper = name.strip().upper()
    return upper if upper == "ALL" or upper.startswith("CAP_") else f"CAP_{upper}"


class Encoded(Codec):
    """A text, in base64 there."""

    word = "text"

    @override
    def read(self, value: JsonValue) -> Read | None:
        if not isinstance(value, str):
            return None
        try:
            text = base64.b64decode(value, validate=True).decode()
        except (binascii.Error, ValueError):
            return None
        return (text or None, None) if base64.b64encode(text.encode()).decode() == value else None

    @override
    def write(self, value: object, present: JsonValue) -> JsonValue:
        return base64.b64encode(cast("str", value).encode()).decode()

    @override
    def plain(self, value: object, default: JsonValue) -> JsonValue:
        return default if value in (None, "") else self.normal(value)


class Seccomp(Document):
    """Which calls of the kernel the tasks may use."""

    mode: Annotated[
        Annotated[str, Field(pattern="^(default|unconfined|custom)$")] | None,
        EngineField("Mode", Word(SECCOMP_MODES), "default"),
    ] = None
    """default, unconfined, or custom with a profile."""
    profile: Annotated[str | None, EngineField("Profile", Encoded())] = None
    """A profile in JSON, for mode custom."""


class CredentialSpec(Document):
    """The account of tasks on Windows: one of the three."""

    config: Annotated[str | None, EngineField("Config", TEXT, "")] = None
    """Config that has it, which the service must list without a file."""
    file: Annotated[str | None, EngineField("File", TEXT, "")] = None
    """File in the engine's folder CredentialSpecs."""
    registry: Annotated[str | None, EngineField("Registry", TEXT, "")] = None
    """Value in the registry of the host."""


class SELinux(Document):
    """SELinux labels of the tasks' containers."""

    disable: Annotated[Flag | None, EngineField("Disable", FLAG, default=False)] = None
    """True switches the labels off."""
    user: Annotated[str | None, EngineField("User", TEXT, "")] = None
    """User of the label."""
    role: Annotated[str | None, EngineField("Role", TEXT, "")] = None
    """Role of the label."""
    type: Annotated[str | None, EngineField("Type", TEXT, "")] = None
    """Type of the label."""
    level: Annotated[str | None, EngineField("Level", TEXT, "")] = None
    """Level of the label."""


ULIMITS, HOSTS, CAPABILITIES = Ulimits(), Hosts(), Capabilities()
