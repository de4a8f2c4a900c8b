"""One verdict for each group of pairs and ports that one thing explains: a host's own firewall, or what is between."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from swarmnet.model.report import Status, Verdict
from swarmnet.verify import claims
from swarmnet.verify.checks.asked import Front, front, iptables, opening
from swarmnet.verify.checks.ladder import Fate, Stage
from swarmnet.verify.ids import CauseId
from swarmnet.verify.patterns import Reach, Shape, decompose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from swarmnet.model.report import Claim
    from swarmnet.verify.checks.doors import Door
    from swarmnet.verify.patterns import Pair
    from swarmnet.verify.scenario import Answers, Setup

Fates = dict[tuple["Pair", "Door"], Fate]


@dataclass(slots=True)
class Loss:
    """Doors that are closed in the same places."""

    stage: Stage
    is_answer: bool
    reach: Reach
    doors: list[Door]
    has_answers: bool = False
    """Whether answers of connections the other way are lost there, too."""

    @property
    def what(self) -> str:
        """The doors in words."""
        names = ", ".join(door.name for door in self.doors)
        if self.is_answer:
            return f"answers of {names}"
        return f"{names} and answers of connections" if self.has_answers else names

    @property
    def way(self) -> str:
        """The direction in words."""
        first, last = (self.reach.hosts[0], self.reach.hosts[-1]) if self.reach.hosts else ("", "")
        return {
            Shape.ALL: "between all hosts",
            Shape.ISOLATED: f"to and from {first}",
            Shape.INBOUND: f"from all hosts to {first}",
            Shape.OUTBOUND: f"from {first} to all hosts",
            Shape.BETWEEN: f"between {first} and {last}, both ways",
            Shape.ONE_WAY: f"from {first} to {last}",
        }[self.reach.shape]


def lost_between(name: str, setup: Setup, answers: Answers, fates: Fates) -> Iterator[Verdict]:
    """Yield one verdict a cause for everything that does not arrive."""
    for loss in losses(fates):
        yield _verdict(name, setup, answers, loss, fates)


def losses(fates: Fates) -> list[Loss]:
    """Return what is lost, in as few groups as explain all of it; the widest first."""
    by_place: dict[tuple[Stage, bool, Door], set[Pair]] = defaultdict(set)
    tested: dict[Door, set[Pair]] = defaultdict(set)
    for (pair, door), one in fates.items():
        if one.stage is not Stage.UNKNOWN:
            tested[door].add(pair)
        if one.is_lost:
            by_place[one.stage, one.is_answer, door].add(one.lost)
    # A lost answer is of a direction in which its own port may never be tried: workers open nothing to workers' 2377.
    ways = frozenset(pair for pairs in tested.values() for pair in pairs)
    found = [
        Loss(stage, is_answer, reach, [door])
        for (stage, is_answer, door), pairs in by_place.items()
        for reach in map(_sharpened, decompose(frozenset(pairs), ways if is_answer else frozenset(tested[door])))
    ]
    merged: list[Loss] = []
    for loss in sorted(found, key=lambda one: (one.is_answer, -len(one.reach.pairs))):
        for other in merged:
            if loss.stage is other.stage and loss.reach.pairs <= other.reach.pairs:
                other.has_answers |= loss.is_answer and not other.is_answer
                other.doors += [door for door in loss.doors if door not in other.doors]
                break
        else:
            merged.append(loss)
    return merged


def _sharpened(reach: Reach) -> Reach:
    """Return what is lost everywhere with the one host that it is about, such as the only manager."""
    sources, targets = ({pair[end] for pair in reach.pairs} for end in (0, 1))
    if reach.shape is Shape.ALL and len(targets) == 1:
        return Reach(Shape.INBOUND, tuple(targets), reach.pairs)
    if reach.shape is Shape.ALL and len(sources) == 1:
        return Reach(Shape.OUTBOUND, tuple(sources), reach.pairs)
    return reach


def _verdict(name: str, setup: Setup, answers: Answers, loss: Loss, fates: Fates) -> Verdict:
    pairs = sorted(loss.reach.pairs)
    detail, fix, commands = _words(setup, answers, loss)
    wholly_open = [(b, a) for a, b in pairs if _is_open(fates, (b, a))]
    if loss.reach.shape is Shape.ONE_WAY and wholly_open:
        detail += "; the way back is open"
    cause = loss.doors[0].cause if len(loss.doors) == 1 else CauseId.SWARM_PORTS
    only_esp = all(door.carrier == "esp" for door in loss.doors)
    wanted = setup.planned is not None and setup.planned.encrypted
    places = frozenset(_claim(loss, door, pair) for door in loss.doors for pair in pairs)
    return Verdict(
        scenario=name,
        subject=_subject(loss),
        status=Status.WARNING if only_esp and not wanted else Status.FAILED,
        detail=detail + ": encrypted overlays carry nothing there" * only_esp,
        cause=cause,
        fix=fix,
        evidence={
            "cause": cause,
            "stage": loss.stage.value,
            "shape": loss.reach.shape.value,
            "ports": [door.name for door in loss.doors],
            "pairs": [[*pair] for pair in pairs],
            "hosts": [*loss.reach.hosts],
            "commands": [*commands],
        },
        broken=places | _answering(loss),
        needed=tuple(frozenset((_claim(loss, door, pair),)) for door in loss.doors for pair in pairs),
    )


def _claim(loss: Loss, door: Door, pair: Pair) -> Claim:
    if loss.is_answer:
        return claims.passage("answers", *pair)
    return door.passage(*pair)


def _answering(loss: Loss) -> frozenset[Claim]:
    return frozenset(claims.passage("answers", *pair) for pair in loss.reach.pairs if loss.has_answers)


def _is_open(fates: Mapping[tuple[Pair, Door], Fate], pair: Pair) -> bool:
    mine = [one for (other, _door), one in fates.items() if other == pair]
    return bool(mine) and not any(one.is_lost and one.lost == pair for one in mine)


def _subject(loss: Loss) -> str:
    hosts = loss.reach.hosts
    if loss.reach.shape is Shape.ONE_WAY:
        return f"{hosts[0]} -> {hosts[1]}"
    if loss.reach.shape is Shape.BETWEEN:
        return f"{hosts[0]} <-> {hosts[1]}"
    return f"host {hosts[0]}" if hosts else "hosts"


def _words(setup: Setup, answers: Answers, loss: Loss) -> tuple[str, str, tuple[str, ...]]:
    """Return what is wrong, what to do, and the commands for it."""
    sources, targets = (sorted({pair[end] for pair in loss.reach.pairs}) for end in (0, 1))
    if loss.stage is Stage.BETWEEN:
        where = "it leaves the sender's card, and does not come to the receiver's"
        return (
            f"{loss.what} {loss.way}: lost between the hosts ({where})",
            f"allow {loss.what} {loss.way} in what is between them: security groups, routers, firewalls of the network",
            (),
        )
    if loss.stage is Stage.OUT:
        doer = ", ".join(sources)
        return (
            f"{loss.what} {loss.way}: {doer} does not let it out (its own firewall, routes or tc rules)",
            f"allow it on {doer}:",
            _commands(setup, answers, loss, "OUTPUT"),
        )
    doer = ", ".join(targets)
    if loss.stage is Stage.REFUSED:
        how, fix = "rejects it", f"allow it on {doer}:"
    else:
        how = "drops it itself (it comes to the host's card, and to no program)"
        fix = (
            f"allow it in the firewall of {doer} with what follows; if it still does not come, look at its nft,"
            " iptables and tc rules, and at what its kernel filters by route (sysctl net.ipv4.conf.all.rp_filter):"
        )
    return f"{loss.what} {loss.way}: {doer} {how}", fix, _commands(setup, answers, loss, "INPUT")


def _commands(setup: Setup, answers: Answers, loss: Loss, chain: str) -> tuple[str, ...]:
    """Return what opens the ports, by what the host's firewall is set up with; of several hosts, for the first."""
    end = 0 if chain == "OUTPUT" else 1
    doers = sorted({pair[end] for pair in loss.reach.pairs})
    kind = front(answers, doers[0])
    if loss.is_answer:
        by_nft = f"nft insert rule inet filter {chain.lower()} ct state established,related accept"
        program = iptables(loss.doors[0].address(setup, doers[0]))
        accept = f"{program} -I {chain} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT"
        return (by_nft if kind is Front.NFTABLES else accept,)
    found: list[str] = []
    for door in loss.doors:
        for pair in sorted(loss.reach.pairs):
            if pair[end] == doers[0]:
                found += opening(kind, door.protocol, door.port, door.address(setup, pair[1 - end]), chain=chain)
    # Of firewalld, one reload after all ports.
    reload = "firewall-cmd --reload"
    rest = [one for one in dict.fromkeys(found) if one != reload]
    return (*rest, *((reload,) if reload in found else ()))
