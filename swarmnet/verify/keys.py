"""Keys of questions, each with the one way to read its answer.

A scenario asks under a key and reads the answer by the same key. Scenarios may share a question: it is asked once.
``UDP.on("front").again`` is the second look of the UDP matrix on the network ``front``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from swarmnet.verify.iptables import Ruleset, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.scenario import Answer, Answers

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command on a host ended."""

    exit: int | None
    stdout: str
    stderr: str

    @property
    def succeeded(self) -> bool:
        """True when it exited with 0."""
        return self.exit == 0

    @property
    def misses_file(self) -> bool:
        """True when it failed because a file that it names does not exist (the C library's text of ``ENOENT``)."""
        return not self.succeeded and "No such file" in self.stderr


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """What a question is called, and how its answer is read."""

    name: str
    form: Callable[[JsonObject], T | None]
    """Takes the answer's JSON; returns None where that has another form."""

    def on(self, part: str) -> Key[T]:
        """Return the key of the same question about one network or one host."""
        return Key(f"{self.name}/{part}", self.form)

    @property
    def again(self) -> Key[T]:
        """The key of the second look at what failed in the first."""
        return self.on("again")

    def last(self, answers: Answers, host: str) -> Key[T]:
        """Return the key of the last look at a host: the second where it was asked, else the first."""
        return self.again if self.again.was_asked(answers, host) else self

    def answer(self, answers: Answers, host: str) -> Answer | None:
        """Return the answer as it came; None when it was not asked."""
        return answers.get((host, self.name))

    def was_asked(self, answers: Answers, host: str) -> bool:
        """Return whether there is an answer, of whatever form."""
        return (host, self.name) in answers

    def read(self, answers: Answers, host: str) -> T | None:
        """Return what the host said; None when it was not asked, it failed, or the answer has another form."""
        answer = self.answer(answers, host)
        return self.form(answer.value) if answer is not None and answer.problem is None else None

    def problem(self, answers: Answers, host: str) -> str | None:
        """Return why there is no answer; None when there is one."""
        answer = self.answer(answers, host)
        if answer is None:
            return "was not asked"
        problem: JsonValue = answer.problem or answer.value.get("problem")
        return str(problem) if problem else None


def as_ended(value: JsonObject) -> Ended:
    """Return how a command ended, from the answer's JSON."""
    code = value.get("exit")
    return Ended(
        code if isinstance(code, int) else None, str(value.get("stdout") or ""), str(value.get("stderr") or "")
    )


def _rules(value: JsonObject) -> Ruleset | None:
    ended = as_ended(value)
    return parse(ended.stdout) if ended.succeeded else None


def _tasks(value: JsonObject) -> dict[str, frozenset[str]] | None:
    found = value.get("tasks")
    if not isinstance(found, dict):
        return None
    return {service: frozenset(map(str, ids)) for service, ids in found.items() if isinstance(ids, list)}


def _targets(value: JsonObject) -> dict[str, JsonObject] | None:
    return _objects(value.get("targets"))


def _whole(value: JsonObject) -> JsonObject:
    return value


def _objects(value: JsonValue) -> dict[str, JsonObject] | None:
    if not isinstance(value, dict):
        return None
    return {label: one for label, one in value.items() if isinstance(one, dict)}


def _heard(value: JsonObject) -> dict[str, JsonObject] | None:
    return _objects(value.get("heard"))


def _places(value: JsonObject) -> dict[str, JsonObject] | None:
    return _objects(value.get("places"))


def _known(value: JsonObject) -> Mapping[str, JsonValue] | None:
    known = value.get("known")
    return known if isinstance(known, dict) else None


def _ipvs(value: JsonObject) -> bool | None:
    return bool(value["ipvs"]) if "ipvs" in value else None


def command(name: str) -> Key[Ended]:
    """Return the key of a command on a host."""
    return Key(name, as_ended)


def rules(name: str) -> Key[Ruleset]:
    """Return the key of a command that prints firewall rules as ``iptables-save`` does."""
    return Key(name, _rules)


def targets(name: str) -> Key[dict[str, JsonObject]]:
    """Return the key of a task that ends with one outcome for each target."""
    return Key(name, _targets)


def value(name: str) -> Key[JsonObject]:
    """Return the key of a task whose answer is read field by field."""
    return Key(name, _whole)


def heard(name: str) -> Key[dict[str, JsonObject]]:
    """Return the key of a probe's log: label to who was heard how often."""
    return Key(name, _heard)


ICMP, UDP, TCP = targets("icmp"), targets("udp"), targets("tcp")
"""The matrices, network by network."""
EXCHANGES = (ICMP, UDP, TCP)
HEARD = heard("heard")
NEIGHBOURS: Key[Mapping[str, JsonValue]] = Key("neighbours", _known)
"""Addresses that a probe's kernel asked for, to whether it knows who has them."""
CHECKSUMS = value("checksums")
"""What a probe's kernel counted in the namespace of the probe."""
PLACES = Key("wire/places", _places)
"""A probe's own addresses, each with device, MTU and MAC."""
FACTS, OBSERVER_FACTS = Key("facts", _ipvs), Key("facts/host", _ipvs)
"""Whether the kernel has IPVS. The observer is asked, too: hosts without a probe have one."""
ESP = command("esp")
SAVE, SAVE_LEGACY, SAVE_NFT = rules("rules"), rules("rules/legacy"), rules("rules/nft")
SAVE_6 = rules("rules/ipv6")
NAT, FILTER = rules("ingress/nat"), rules("ingress/filter")
ROUTES, MESH_TABLE = command("ingress/routes"), command("ingress/ipvs")
RUNNING_NOW: Key[dict[str, frozenset[str]]] = Key("tasks/now", _tasks)
"""The second look at the managers: the tasks of each service, by ids, that run now."""
NAMESPACES = command("ipvs/namespaces")
"""The files of the engine's network namespaces."""
WAYS = targets("wire/ways")
"""The route to each peer: MTU, device, local address."""


def outcomes(answers: Answers, host: str, key: Key[dict[str, JsonObject]]) -> tuple[dict[str, JsonObject], str | None]:
    """Return a task's outcome for each target, or none and why."""
    problem = key.problem(answers, host)
    if problem:
        return {}, problem
    found = key.read(answers, host)
    return ({}, "the probe's answer is not readable") if found is None else (found, None)
