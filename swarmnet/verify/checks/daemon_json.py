"""Check: no key of daemon.json is obsolete, or contradicts what the host is to be."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.border import parsed
from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.version import release
from swarmnet.verify.checks.asked import CONFIGS, FILES, files, lines
from swarmnet.verify.checks.host_check import HostCheck, members, unread_in
from swarmnet.verify.ids import CauseId
from swarmnet.verify.own import is_loopback
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.verify.scenario import Answers, Findings, Question, Setup


@dataclass(frozen=True, slots=True)
class Obsolete:
    """A key that engines no longer know: they do not start with it."""

    key: str
    since: str
    """The engine that no longer has it (docs.docker.com/engine/deprecated)."""
    instead: str


OBSOLETE = (
    Obsolete("cluster-store", "23.0", "remove it: swarm mode needs no store outside"),
    Obsolete("cluster-store-opts", "23.0", "remove it: swarm mode needs no store outside"),
    Obsolete("cluster-advertise", "23.0", "remove it: a swarm has addresses of its own"),
    Obsolete("graph", "23.0", 'write "data-root" instead'),
    Obsolete("api-cors-header", "28.0", "remove it"),
    Obsolete("disable-legacy-registry", "19.3", "remove it"),
    Obsolete("oom-score-adjust", "25.0", "remove it; the unit of systemd sets OOMScoreAdjust"),
)


@dataclass(frozen=True, slots=True)
class Contradiction:
    """A key whose value keeps part of a swarm from working."""

    key: str
    value: JsonValue
    breaks: str
    status: Status = Status.FAILED


CONTRADICTIONS = (
    Contradiction("live-restore", value=True, breaks="engines refuse swarm mode with it from their next start"),
    Contradiction("iptables", value=False, breaks="neither published ports nor encrypted overlays get their rules"),
    Contradiction("ip-forward", value=False, breaks="the routing mesh forwards nothing"),
    Contradiction("ip-masq", value=False, breaks="containers reach nothing outside", status=Status.WARNING),
    Contradiction("firewall-backend", value="nftables", breaks="engines refuse swarm mode with it"),
)


class DaemonJson(HostCheck):
    """What the engine reads at its next start, which may be other than what it runs with now."""

    name: ClassVar[str] = "daemon-json"
    summary: ClassVar[str] = "no key of daemon.json is obsolete or contradicts a swarm"

    def ask(self, setup: Setup, _answers: Answers) -> tuple[Question, ...]:
        """Ask each host for the file."""
        return tuple(map(files, members(setup)))

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return one verdict for each host and key."""
        found = [one for host in members(setup) for path in CONFIGS for one in _of_file(setup, answers, host, path)]
        fine = f"nothing in daemon.json of {count(len(members(setup)), 'host')} is in the way of a swarm"
        return self.reported(found, fine, unread_in(setup, answers, FILES))


def _of_file(setup: Setup, answers: Answers, host: str, path: str) -> Iterator[Trouble]:
    written = lines(answers, host, path)
    if written is None:
        return
    try:
        config = parsed("\n".join(written).encode())
    except ValueError:
        config = None
    if not isinstance(config, dict):
        detail = f"{path} of {host} is not an object of JSON: the engine does not start with it"
        commands = (f"python3 -m json.tool {path}",)
        yield Trouble(
            CauseId.DAEMON_CONFIG, (host,), detail, "correct it (this shows the line, where there is Python):", commands
        )
        return
    facts = setup.state.facts(host)
    version = facts.engine.version if facts else ""
    yield from _obsolete(host, path, config, version)
    yield from _contradicting(setup, host, path, config)


def _obsolete(host: str, path: str, config: JsonObject, version: str) -> Iterator[Trouble]:
    for one in OBSOLETE:
        if one.key in config:
            gone = release(version) >= release(one.since)
            words = "the engine does not start with it" if gone else f"engines from {one.since} do not start with it"
            status = Status.FAILED if gone else Status.WARNING
            detail = f'"{one.key}" in {path} of {host} is obsolete: {words}'
            yield Trouble(CauseId.DAEMON_CONFIG, (host,), detail, one.instead, status=status)


def _asks_itself(servers: JsonValue) -> bool:
    """Return whether engines give containers only nameservers that are the containers themselves."""
    return isinstance(servers, list) and bool(servers) and all(is_loopback(str(one)) for one in servers)


def _contradicting(setup: Setup, host: str, path: str, config: JsonObject) -> Iterator[Trouble]:
    facts = setup.state.facts(host)
    runs_so = facts is not None and (facts.engine.live_restore or facts.engine.writes_nftables)
    for one in CONTRADICTIONS:
        is_reported = runs_so and one.key in ("live-restore", "firewall-backend")  # the check of engines reports it
        if one.key in config and config[one.key] == one.value and not is_reported:
            words = f'"{one.key}": {json.dumps(one.value)} in {path} of {host}: {one.breaks}'
            fix = "remove the key, then restart the engine:"
            yield Trouble(CauseId.DAEMON_CONFIG, (host,), words, fix, ("systemctl restart docker",), one.status)
    if _asks_itself(config.get("dns")):
        words = f'"dns" in {path} of {host} has loopback addresses alone: containers ask themselves for names outside'
        fix = "write addresses that containers reach, or remove the key; then restart the engine:"
        yield Trouble(CauseId.DAEMON_CONFIG, (host,), words, fix, ("systemctl restart docker",), Status.WARNING)
    advertised = config.get("swarm-default-advertise-addr")
    mine = setup.planned.addresses.get(host, "") if setup.planned else ""
    if isinstance(advertised, str) and advertised[:1].isdigit() and mine and advertised != mine:
        yield Trouble(
            CauseId.DAEMON_CONFIG,
            (host,),
            f'"swarm-default-advertise-addr" in {path} of {host} is {advertised}, and the inventory has {mine}',
            "remove the key, or write the same address in the inventory ('advertise')",
            status=Status.WARNING,
        )
