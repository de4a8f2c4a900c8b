"""How playbooks write who may talk to whom: ``web -> db: 5432``, ``deb.debian.org:443``, ``check: {http: /health}``."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from swarmnet.model.base import Document
from swarmnet.model.expectation import FOREVER, Arrow, Check, Door, Party, PartyKind
from swarmnet.model.service import Protocol
from swarmnet.operations.notation import Duration  # noqa: TC001 - pydantic reads it

OUTSIDE, OPERATOR = "outside", "operator"
MOST_PORT = 65535
_END = r"[A-Za-z0-9_](?:[A-Za-z0-9_./-]{0,251}[A-Za-z0-9_])?"
_DOOR = re.compile(r"(?P<port>[0-9]{1,5})(?:/(?P<protocol>tcp|udp))?")
_ARROW = re.compile(rf"\s*(?P<source>{_END})\s*->\s*(?P<target>{_END})\s*(?::\s*(?P<doors>[0-9a-z/, ]+))?\s*")
_TARGET = re.compile(rf"(?P<target>{_END}):(?P<door>[0-9a-z/]+)")
_PATH = re.compile(r"/[!-~]*")
ARROW_HINT = "write 'web -> db: 5432', 'web -> dns: 53/udp' or 'outside -> web: 80, 443'"
TARGET_HINT = "write 'deb.debian.org:443' or '192.0.2.0/24:443'"


class ArrowForm(Document):
    """One arrow as it is written; what its ends are, a cluster says."""

    source: str
    target: str
    doors: tuple[Door, ...] = ()


def _door(text: str, hint: str) -> Door:
    match = _DOOR.fullmatch(text.strip())
    if match is None or not 0 < int(match["port"]) <= MOST_PORT:
        raise ValueError(f"{text.strip()!r} is not a port from 1 to {MOST_PORT}: {hint}")
    return Door(port=int(match["port"]), protocol=Protocol(match["protocol"] or "tcp"))


def _arrow(value: object) -> ArrowForm:
    if isinstance(value, dict) and len(value) == 1:
        # YAML reads `- web -> db: 5432` without quotes as a mapping.
        ((ends, doors),) = value.items()
        value = f"{ends}: {doors}"
    if not isinstance(value, str) or (match := _ARROW.fullmatch(value)) is None:
        raise ValueError(f"{str(value)[:80]!r} does not say who reaches whom: {ARROW_HINT}")
    doors = tuple(_door(one, ARROW_HINT) for one in (match["doors"] or "").split(",") if match["doors"])
    return ArrowForm(source=match["source"], target=match["target"], doors=doors)


def arrow_form(source: str, target: str) -> ArrowForm:
    """Return the arrow from one word to ``TO`` or ``TO:PORT``; raises ``ValueError`` with what to write."""
    name, _, doors = target.partition(":")
    return _arrow(f"{source} -> {name}: {doors}" if doors else f"{source} -> {name}")


def _target(value: object) -> object:
    if not isinstance(value, str) or (match := _TARGET.fullmatch(value.strip())) is None:
        raise ValueError(f"{str(value)[:80]!r} is not a name or a block with a port: {TARGET_HINT}")
    return ArrowForm(source="", target=match["target"], doors=(_door(match["door"], TARGET_HINT),))


def _egress(value: object) -> object:
    """Return no targets for ``none``."""
    return () if value == "none" else value


_ARROW_SCHEMA = {
    "anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": ["string", "integer"]}}],
    "description": f"Who reaches whom: {ARROW_HINT}.",
}
ArrowNote = Annotated[ArrowForm, BeforeValidator(_arrow), WithJsonSchema(_ARROW_SCHEMA)]
TargetNote = Annotated[
    ArrowForm,
    BeforeValidator(_target),
    WithJsonSchema({"type": "string", "description": f"A name or a block outside, with a port: {TARGET_HINT}."}),
]
EgressNote = Annotated[
    tuple[TargetNote, ...],
    BeforeValidator(_egress),
    WithJsonSchema(
        {
            "anyOf": [{"const": "none"}, {"type": "array", "items": {"type": "string"}}],
            "description": "Targets that must answer, or none: nothing outside of its networks may answer.",
        }
    ),
]


class CheckForm(Check):
    """A check as a service step writes it."""

    within: Annotated[Duration, Field(gt=0, le=FOREVER)] = 2.0
    """Seconds within which the answer must come."""

    def faults(self) -> tuple[str, ...]:
        """Return keys that do not go together."""
        given = [key for key in ("http", "tcp", "tls", "dns") if getattr(self, key) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "nothing"
            return (f"check: it asks one thing, this one asks {said}: write http, tcp, tls or dns",)
        found = []
        if self.http is not None and _PATH.fullmatch(self.http) is None:
            found.append(f"check: http: {self.http!r} is not a path: write one such as /health")
        if self.dns is not None and re.fullmatch(_END, self.dns) is None:
            found.append(f"check: dns: {self.dns!r} is not a name: write one such as example.org")
        if self.port is not None and given[0] in ("tcp", "tls"):
            found.append(f"check: 'port' belongs to http and dns: leave it out, {given[0]} names the port")
        if self.status is not None and self.http is None:
            found.append("check: 'status' belongs to http: leave it out")
        return tuple(found)


class Known(Document):
    """The names that ends of arrows may have."""

    services: frozenset[str] = frozenset()
    hosts: frozenset[str] = frozenset()

    def party(self, text: str) -> Party | None:
        """Return what a word means, a service before a host before a name outside; None for a word without meaning."""
        if text in (OUTSIDE, OPERATOR):
            return Party(kind=PartyKind(text), name=text)
        if text in self.services:
            return Party(kind=PartyKind.SERVICE, name=text)
        if text in self.hosts:
            return Party(kind=PartyKind.HOST, name=text)
        if _is_block(text):
            return Party(kind=PartyKind.BLOCK, name=str(ip_network(text)))
        host, slash, name = text.partition("/")
        if slash:
            container = Party(kind=PartyKind.CONTAINER, name=name, host=host)
            return container if host in self.hosts and name and "/" not in name else None
        return Party(kind=PartyKind.NAME, name=text) if "." in text else None

    def arrow(self, form: ArrowForm, *, allowed: bool, source: str = "") -> Arrow | str:
        """Return an arrow with its ends, or what is wrong with it."""
        one, two = self.party(form.source or source), self.party(form.target)
        if one is None or two is None:
            word = form.target if one is not None else form.source or source
            return f"{word!r} is {self._unknown()}"
        return _fault(one, two, form) or Arrow(source=one, target=two, doors=form.doors, allowed=allowed)

    def _unknown(self) -> str:
        services = ", ".join(sorted(self.services)) or "none"
        return (
            f"neither a service here (known: {services}) nor a host, a HOST/CONTAINER, a block or a name with a dot:"
            " put the step after the one that makes it"
        )


def _fault(one: Party, two: Party, form: ArrowForm) -> str:
    """Return why nothing of this kind can be expected; empty where it can."""
    arrow = f"{one} -> {two}"
    if one.kind is PartyKind.NAME:
        return f"{arrow}: {one} is outside, and nothing can be asked from there: write 'outside'"
    if two.kind in (PartyKind.OUTSIDE, PartyKind.OPERATOR):
        return f"{arrow}: {two} has no address to ask: name what must be reached, such as 192.0.2.7"
    if not two.has_tasks and not form.doors:
        return f"{arrow}: no port is named: write '{arrow}: 443'"
    if not one.has_tasks and not two.has_tasks:
        return f"no end of '{arrow}' is in the swarm: write the name of a service, or HOST/CONTAINER, at one of them"
    return f"{arrow}: both ends are the same" if str(one) == str(two) else ""


def _is_block(text: str) -> bool:
    try:
        return ip_network(text).version == 4  # noqa: PLR2004 - probes ask by IPv4
    except ValueError:
        return False
