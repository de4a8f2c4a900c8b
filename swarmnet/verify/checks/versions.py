"""Check: engines are new enough, close to each other, and encrypt what they say they encrypt."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.version import OLDEST_API, release
from swarmnet.verify.checks.host_check import HostCheck, members
from swarmnet.verify.ids import CauseId
from swarmnet.verify.planned import DATA_PATH_PORT
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from swarmnet.model.state import HostFacts
    from swarmnet.verify.scenario import Answers, Findings, Setup

FLOORS = ((20, 10, 24), (23, 0, 3))
"""The first engines of both lines that encrypt without xt_u32 and drop plaintext (CVE-2023-28840, -28841, -28842)."""
ANY_PORT = (24, 0, 3)
"""The first that encrypts on another data path port than 4789 (moby#45637; release notes of 24.0.3)."""
BY_IPV6 = (25, 0)
"""The first whose overlays go by IPv6 (moby#46790; release notes of 25.0.0). The VXLAN devices of older ones take IPv4
addresses of peers alone (moby#41691). Seen: 20.10 carries nothing there, 26.1 and 28.5 do."""
OLDEST = (20, 10)
APART = 3
"""Numbers of a first part by which two engines may differ without a word: 26.1 next to 28.5."""


class Versions(HostCheck):
    """The API's oldest version, the floors for encrypted overlays, and how far engines are apart."""

    name: ClassVar[str] = "versions"
    summary: ClassVar[str] = "engines are new enough for a swarm, and for overlays that encrypt"

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one verdict for each kind of old engines."""
        planned = setup.planned
        encrypted = planned.encrypted if planned else None
        port = planned.data_path_port if planned else DATA_PATH_PORT
        found = [*outdated(setup.state.hosts, encrypted=encrypted, port=port), *_apart(setup.state.hosts)]
        found += _without_ipv6(setup)
        versions = sorted({facts.engine.version for facts in setup.state.hosts})
        return self.reported(
            found, f"{count(len(members(setup)), 'host has', 'hosts have')} engine {', '.join(versions)}"
        )


def outdated(hosts: Iterable[HostFacts], *, encrypted: bool | None, port: int) -> Iterator[Trouble]:
    """Yield engines that are too old; ``encrypted`` None means that encrypted overlays may come."""
    hosts = tuple(hosts)
    old = [one for one in hosts if one.engine.api < OLDEST_API]
    if old:
        yield Trouble(
            CauseId.ENGINE_OLD,
            _names(old),
            f"{_words(old)}: swarmnet needs engine 20.10 (API {OLDEST_API}) or newer",
            "update the engine (swarmnet engine upgrade)",
        )
    status = Status.FAILED if encrypted else Status.WARNING
    leaking = [one for one in hosts if one not in old and below_floor(one.engine.version)]
    if leaking and encrypted is not False:
        yield Trouble(
            CauseId.ENGINE_OLD,
            _names(leaking),
            f"{_words(leaking)}: encrypted overlays may send in clear or accept forged plaintext there"
            " (CVE-2023-28840, CVE-2023-28841, CVE-2023-28842)",
            "update the engine to 20.10.24, 23.0.3 or newer (swarmnet engine upgrade)",
            status=status,
        )
    stuck = [one for one in hosts if one not in old and release(one.engine.version) < ANY_PORT]
    if stuck and encrypted and port != DATA_PATH_PORT:
        yield Trouble(
            CauseId.ENGINE_OLD,
            _names(stuck),
            f"{_words(stuck)}: they encrypt on port {DATA_PATH_PORT} alone, and the data path port is {port}",
            f"update the engine to 24.0.3 or newer, or leave the data path port at {DATA_PATH_PORT}",
            status=Status.WARNING,
        )


def _without_ipv6(setup: Setup) -> Iterator[Trouble]:
    """Yield engines whose overlays should go by IPv6 and cannot: such a swarm forms, and its overlays stay silent."""
    planned = setup.planned
    six = [one for one in setup.state.hosts if planned is not None and ":" in planned.address(one.host, is_data=True)]
    old = [one for one in six if () < release(one.engine.version) < BY_IPV6]
    if old:
        yield Trouble(
            CauseId.ENGINE_OLD,
            _names(old),
            f"{_words(old)}: overlays by IPv6 carry nothing from and to them, although such a swarm forms",
            "update the engine to 25.0 or newer (swarmnet engine upgrade), or give all hosts IPv4 addresses as"
            " 'data_path' or 'advertise' in the inventory",
        )


def below_floor(version: str) -> bool:
    """Return whether encrypted overlays of an engine have the holes of 2023; an unreadable version has none."""
    mine = release(version)
    if not mine or mine < OLDEST:
        return False
    old, new = FLOORS
    return mine < old or new[:1] <= mine < new


def _apart(hosts: Iterable[HostFacts]) -> Iterator[Trouble]:
    majors = [(one, release(one.engine.version)[0]) for one in hosts if release(one.engine.version)]
    known = sorted({number for _one, number in majors})
    # 20.10 was followed by 23.0.
    ranks = {number: max(number, 22) for number in known}
    if known and ranks[known[-1]] - ranks[known[0]] > 2 * APART:
        oldest = [one for one, number in majors if number == known[0]]
        yield Trouble(
            CauseId.ENGINES_DIFFER,
            _names(oldest),
            f"{_words(oldest)}, others have {known[-1]}: old managers drop fields that they do not know",
            "bring the engines closer together (swarmnet engine upgrade)",
            status=Status.WARNING,
        )


def _names(hosts: list[HostFacts]) -> tuple[str, ...]:
    return tuple(one.host for one in hosts)


def _words(hosts: list[HostFacts]) -> str:
    found: dict[str, list[str]] = {}
    for one in hosts:
        found.setdefault(one.engine.version, []).append(one.host)
    return "; ".join(
        f"{', '.join(names)} ha{'ve' if names[1:] else 's'} engine {version}" for version, names in found.items()
    )
