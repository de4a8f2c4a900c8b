"""Scenario: the names of the user's services lead where managers say, asked from inside running tasks.

On each host with a task on an overlay, one container asks the engine's resolver for every service there: name, aliases,
and ``tasks.NAME``. Whether its ``/etc/resolv.conf`` names that resolver, ``own-programs`` reports. Engines give a name
to a task once it is healthy, and take it away when the task ends. Extra hosts of a service come before any resolver.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.model.service import EndpointMode
from swarmnet.verify import claims, keys
from swarmnet.verify.ids import CauseId
from swarmnet.verify.keys import RUNNING_NOW
from swarmnet.verify.own import MOST, by_service, is_changing, left_behind, moved_services, own_services, running
from swarmnet.verify.scenario import OPERATOR, Answers, Findings, InsideTask, Question, SwarmTask, in_steps
from swarmnet.verify.scenarios.names.names import GOSSIP_FIX, MORE, needed
from swarmnet.verify.scenarios.own.addresses import OwnScenario, addresses_on
from swarmnet.verify.scenarios.own.extra_hosts import REMOVE, astray
from swarmnet.verify.scenarios.own.looks import Look, Looks, Name, is_nameless

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Claim, Verdict
    from swarmnet.model.service import Service, Task
    from swarmnet.verify.ends import End
    from swarmnet.verify.keys import Key
    from swarmnet.verify.scenario import Setup
    from swarmnet.verify.scenarios.own.extra_hosts import ExtraHost

ABSENT = 1.5
"""Seconds for names that should lead nowhere: an answer comes at once, and no second one is waited for."""
SHOWN = 20
RENEW = "give its tasks their names again: docker service update --force"


class OwnNames(OwnScenario):
    """Every name of every service on every overlay."""

    name: ClassVar[str] = "own-names"
    summary: ClassVar[str] = "the names and aliases of your services, and tasks.NAME, lead to their running tasks"

    def ask(self, setup: Setup, answers: Answers) -> tuple[Question, ...]:
        """Ask each container for all names on its networks; if one is wrong, ask the managers once more."""
        names = names_of(setup)
        return in_steps(
            answers,
            lambda: [question for end in setup.insiders for question in _questions(end, names)],
            lambda: [SwarmTask(RUNNING_NOW.name)] if _looks(setup, answers, names).wrong else [],
        )

    def judge(self, setup: Setup, answers: Answers) -> Findings:
        """Return a verdict for each service and cause, and one for each network on which all is right."""
        names = names_of(setup)
        looks = _looks(setup, answers, names)
        moved = moved_services(setup.state, RUNNING_NOW.read(answers, OPERATOR))
        wrong = [one for one in looks.wrong if one.name.service not in moved]
        verdicts = [*self._wrong(setup, wrong, looks), *self._deaf(looks), *self._unasked(setup, looks)]
        verdicts += self._hidden(setup)
        changing = {one.name.service for one in looks.wrong} & moved
        changing |= {one.spec.name for one in own_services(setup.state) if is_changing(one) and _is_on(setup, one)}
        if changing:
            detail = f"the tasks of {', '.join(sorted(changing))} are being replaced: run verify again"
            found = self.verdict("services", Status.INCONCLUSIVE, detail)
            places = {
                "needed": claims.each(map(claims.tasks, changing)),
                "broken": frozenset(map(claims.settled, changing)),
            }
            verdicts.append(found.model_copy(update=places))
        bad = {one.name.network for one in wrong}
        verdicts += [
            self._right(network, [one for one in looks.right if one.name.network == network])
            for network in dict.fromkeys(one.name.network for one in looks.right)
            if network not in bad
        ]
        if not verdicts:
            verdicts.append(self.verdict("services", Status.SKIPPED, "no service has a task on an overlay"))
        return Findings(tuple(verdicts))

    def _right(self, network: str, looks: list[Look]) -> Verdict:
        names, askers = {one.name for one in looks}, {(one.asker.host, one.asker.name) for one in looks}
        services, hosts = {one.service for one in names}, {host for host, _ in askers}
        detail = (
            f"{count(len(names), 'name')} of {count(len(services), 'service')}"
            f" {'is' if len(names) == 1 else 'are'} right, asked from inside"
            f" {count(len(askers), 'task')} on {count(len(hosts), 'host')}"
        )
        return self.verdict(f"network {network}", Status.OK, detail)

    def _wrong(self, setup: Setup, wrong: Iterable[Look], looks: Looks) -> Iterator[Verdict]:
        by_name: dict[Name, list[Look]] = defaultdict(list)
        for one in wrong:
            by_name[one.name].append(one)
        groups: dict[tuple[str, str, CauseId], list[Look]] = defaultdict(list)
        for name, several in by_name.items():
            for one in several:
                cause = _cause(setup, one, looks)
                groups[name.network, "" if cause is CauseId.NAMES else name.service, cause].append(one)
        for (network, service, cause), found in sorted(groups.items()):
            yield self._failed(setup, network, service, cause, found)

    def _failed(self, setup: Setup, network: str, service: str, cause: CauseId, looks: list[Look]) -> Verdict:
        hosts = sorted({one.asker.host for one in looks})
        first = looks[0]
        more = f"; {len(looks)} look-ups like this one" if looks[1:] else ""
        made = self.verdict(
            f"service {service}" if service else f"network {network}",
            Status.WARNING if cause is CauseId.ALIAS_TWICE else Status.FAILED,
            f"{_words(setup, cause, first)} (asked from {first.asker}{more})",
            GOSSIP_FIX if cause is CauseId.NAMES else _FIXES[cause],
            cause=cause,
        )
        commands = [f"docker service update --force {service}"] if cause in _RENEWED else []
        evidence: JsonObject = {
            **made.evidence,
            "network": network,
            "hosts": [*hosts],
            "looks": [one.as_json() for one in looks[:SHOWN]],
            "commands": [*commands],
        }
        others = {end.host for end in setup.insiders if network in end.addresses}
        explained = tuple(
            needed(network, others, host, _owner(setup, one)) for one in looks for host in [one.asker.host]
        )
        if cause is CauseId.ALIAS_TWICE:
            explained = claims.each(claims.name(network, one.name.name) for one in looks)
        if cause in _RENEWED:
            explained = (_never_announced if cause is CauseId.NAMELESS_TASK else _left)(setup, looks)
        return made.model_copy(update={"evidence": evidence, "needed": explained})

    def _deaf(self, looks: Looks) -> Iterator[Verdict]:
        for host, names in sorted(looks.deaf.items()):
            made = self.verdict(
                f"host {host}",
                Status.FAILED,
                f"Docker's resolver (127.0.0.11) does not answer {', '.join(sorted(names))} on {host}",
                "recreate these tasks (docker service update --force); if that changes nothing, restart Docker there",
                cause=CauseId.RESOLVER,
            )
            evidence: JsonObject = {**made.evidence, "hosts": [host]}
            yield made.model_copy(update={"evidence": evidence, "needed": claims.each((claims.resolver(host),))})

    def _hidden(self, setup: Setup) -> Iterator[Verdict]:
        """Yield what extra hosts of services hide: no resolver is asked for such a name.

        It fails where a playbook expects that the service reaches what has the name.
        """
        groups: dict[tuple[str, Status], list[ExtraHost]] = defaultdict(list)
        expected = {arrow.pair for arrow in setup.expected.arrows if arrow.allowed} if setup.expected else set()
        for one in astray(setup.state, setup.overlays, setup.held):
            is_missed = any((one.service, owner) in expected for owner in one.owners)
            groups[one.service, Status.FAILED if is_missed else one.status].append(one)
        for (service, status), found in groups.items():
            words = "; ".join(one.words for one in found)
            fix = REMOVE if status is Status.FAILED else f"if that is not on purpose, {REMOVE}"
            made = self.verdict(f"service {service}", status, words, fix, cause=CauseId.HOSTS_ENTRY)
            entries: list[JsonValue] = [{"name": one.name, "address": one.address} for one in found]
            evidence = {**made.evidence, "entries": entries, "commands": [one.command for one in found]}
            yield made.model_copy(update={"evidence": evidence})

    def _unasked(self, setup: Setup, looks: Looks) -> Iterator[Verdict]:
        if looks.unanswered:
            names = sorted(looks.unanswered)
            detail = f"{', '.join(names[:3])} could not be asked: {looks.unanswered[names[0]]}"
            yield self.verdict("containers", Status.INCONCLUSIVE, detail)
        asked = {(end.host, network) for end in setup.insiders for network in end.addresses}
        left = sorted(set(_inhabited(setup)) - asked)
        if left:
            where = ", ".join(f"{network} on {host}" for host, network in left[:3])
            detail = (
                f"no task was asked of {count(len(left), 'network')} ({where}): the limit is {MOST} containers a host"
            )
            yield self.verdict("networks", Status.INCONCLUSIVE, detail)


def _never_announced(setup: Setup, looks: list[Look]) -> tuple[frozenset[Claim], ...]:
    """Return the gossip between each asker and the host whose task it does not know by name."""
    return tuple(claims.both(claims.learned, one.asker.host, _owner(setup, one)) for one in looks)


def _left(setup: Setup, looks: list[Look]) -> tuple[frozenset[Claim], ...]:
    """Return the lost nodes on which replaced tasks have these addresses; nothing else explains a stale one."""
    left = left_behind(setup.state)
    stale = {address for one in looks for address in one.extra}
    return claims.each(claims.node(left[address]) for address in stale) if stale <= left.keys() else ()


_RENEWED = frozenset({CauseId.NAMELESS_TASK, CauseId.STALE_ADDRESS})
STALE_FIX = (
    "renew the name (docker service update --force); if the address stays, restart Docker on the hosts that give it:"
)
_FIXES = {
    CauseId.NAMELESS_TASK: f"{RENEW}:",
    CauseId.STALE_ADDRESS: STALE_FIX,
    CauseId.ALIAS_TWICE: "if that is not on purpose, give one of them another name",
}


def names_of(setup: Setup) -> tuple[Name, ...]:
    """Return every name of the services on the overlays, those of changing services left out.

    A name that several services have leads to all of them.
    """
    tasks = by_service(setup.state.tasks)
    found: dict[tuple[str, str], list[tuple[str, tuple[str, ...]]]] = defaultdict(list)
    of_tasks: set[tuple[str, str]] = set()
    skipped: set[tuple[str, str]] = set()
    for service in own_services(setup.state):
        mine = running(tasks.get(service.id, ()))
        for place in service.spec.networks or ():
            network = setup.state.network(place.network)
            if network is None or network not in setup.overlays:
                continue
            own = _addresses(mine, network.spec.name)
            led = _led_to(service, network.spec.name, own)
            is_dnsrr = service.spec.endpoint_mode is EndpointMode.DNSRR
            aliases = dict.fromkeys((service.spec.name, *(place.aliases or ())))
            for name, addresses in (*((one, led) for one in aliases), (f"tasks.{service.spec.name}", own)):
                key = (network.spec.name, name)
                found[key].append((service.spec.name, addresses or ()))
                of_tasks |= {key} if is_dnsrr or name not in aliases else set()
                skipped |= {key} if is_changing(service) or addresses is None else set()
    return tuple(
        Name(key[0], owners[0][0], key[1], tuple(sorted({one for _, led in owners for one in led})), key in of_tasks)
        for key, owners in sorted(found.items())
        if key not in skipped
    )


def _led_to(service: Service, network: str, own: tuple[str, ...]) -> tuple[str, ...] | None:
    """Return what a service's name leads to; None where that is not known: it has IPv6 alone, or no address yet."""
    if service.spec.endpoint_mode is EndpointMode.DNSRR:
        return own
    address = service.virtual_ips.get(network, "").partition("/")[0]
    if not address or ":" in address:
        return None
    return (address,) if own else ()


def _addresses(tasks: Iterable[Task], network: str) -> tuple[str, ...]:
    found = (one.partition("/")[0] for task in tasks for one in task.networks.get(network, ()))
    return tuple(sorted({one for one in found if ":" not in one}))


def _key(end: End, part: str) -> Key[dict[str, JsonObject]]:
    return keys.targets(f"own/{end.name}/{part}")


def _questions(end: End, names: Iterable[Name]) -> Iterator[Question]:
    """Yield one question for names that lead somewhere, and one for those that should not."""
    mine = [one for one in names if one.network in end.addresses]
    if end.problem is not None:
        return
    times: tuple[tuple[str, JsonObject], ...] = (("names", {"more": MORE}), ("absent", {"limit": ABSENT}))
    for part, time in times:
        targets: JsonObject = {
            one.label: [one.label, [*one.addresses]] for one in mine if bool(one.addresses) is (part == "names")
        }
        if targets:
            task: JsonObject = {"kind": "dns", "of": "engine", "targets": targets, **time}
            yield InsideTask(end.host, _key(end, part).name, task, end.name)


def _looks(setup: Setup, answers: Answers, names: Iterable[Name]) -> Looks:
    looks = Looks()
    for end in setup.insiders:
        found, problem = _answered(answers, end)
        if end.problem or problem:
            looks.unanswered[str(end)] = end.problem or problem or ""
        elif found and not any(one.get("code") or one.get("addresses") for one in found.values()):
            looks.deaf[end.host].append(end.name)
        else:
            for one in names:
                if one.network in end.addresses and one.label in found:
                    look = _look(end, one, found[one.label])
                    (looks.wrong if look.missing or look.extra else looks.right).append(look)
    return looks


def _answered(answers: Answers, end: End) -> tuple[dict[str, JsonObject], str | None]:
    found: dict[str, JsonObject] = {}
    for part in ("names", "absent"):
        if _key(end, part).was_asked(answers, end.host):
            several, problem = keys.outcomes(answers, end.host, _key(end, part))
            if problem:
                return {}, problem
            found |= several
    return found, None


def _look(end: End, name: Name, outcome: Mapping[str, JsonValue]) -> Look:
    came = outcome.get("addresses")
    found = tuple(map(str, came)) if isinstance(came, list) else ()
    return Look(end, name, found, str(outcome.get("why") or ""))


def _cause(setup: Setup, look: Look, looks: Looks) -> CauseId:
    """Return what is wrong: an address too many says more than one too few; what all lack, no gossip lost."""
    if look.extra:
        mine = {f"service {look.name.service}"}
        others = {one for one, owners in addresses_on(setup, look.name.network).items() if owners - mine}
        others |= _alive(setup, look.name.network)
        others -= left_behind(setup.state).keys()
        return CauseId.ALIAS_TWICE if {*look.extra} <= others else CauseId.STALE_ADDRESS
    return CauseId.NAMELESS_TASK if is_nameless(look, _owner(setup, look), looks) else CauseId.NAMES


def _alive(setup: Setup, network: str) -> set[str]:
    """Return the addresses that managers gave to whatever runs on a network."""
    tasks = [task for task in setup.state.tasks if task.state == "running"]
    return {*_addresses(tasks, network)}


def _words(setup: Setup, cause: CauseId, look: Look) -> str:
    name, found = look.name, ", ".join(look.found) or "nothing"
    if cause is CauseId.ALIAS_TWICE:
        owners = addresses_on(setup, name.network)
        who = ", ".join(f"{one} ({' and '.join(sorted(owners.get(one, {'another task'})))})" for one in look.extra)
        return f"{name.name} leads on {name.network} also to {who}"
    if cause is CauseId.STALE_ADDRESS:
        left = left_behind(setup.state)
        lost = sorted({left[one] for one in look.extra if one in left})
        more = f" (managers do not reach {', '.join(lost)}, to stop replaced tasks there)" if lost else ""
        return f"{name.name} leads on {name.network} to {', '.join(look.extra)}, which no running task has{more}"
    if cause is CauseId.NAMELESS_TASK and name.of_tasks:
        tasks = ", ".join(_called(setup, name, one) for one in look.missing)
        return f"{tasks} runs, and {name.name} does not lead to it on {name.network} (it leads to {found})"
    return f"{name.name} leads on {name.network} to {found}, not to {', '.join(look.missing)}"


def _called(setup: Setup, name: Name, address: str) -> str:
    """Return the task that has an address, with its host."""
    end = _holder(setup, name, address)
    return f"{end} ({address})" if end else address


def _holder(setup: Setup, name: Name, address: str) -> str:
    service = setup.state.service(name.service)
    for task in running(setup.state.tasks):
        if service is not None and task.service_id == service.id and address in _addresses([task], name.network):
            host = next((one.host for one in setup.state.hosts if one.engine.membership.node_id == task.node_id), "")
            return f"{task.called(name.service)} on {host or 'another node'}"
    return ""


def _owner(setup: Setup, look: Look) -> str:
    """Return the host of the first task that a container does not find; empty for a virtual address."""
    service = setup.state.service(look.name.service)
    nodes = {one.engine.membership.node_id: one.host for one in setup.state.hosts}
    mine = [task for task in running(setup.state.tasks) if service is not None and task.service_id == service.id]
    lost = [task for task in mine if {*_addresses([task], look.name.network)} & {*look.missing}]
    return nodes.get(lost[0].node_id or "", "") if lost else ""


def _is_on(setup: Setup, service: Service) -> bool:
    names = {net.spec.name for net in setup.overlays}
    return any(place.network in names for place in service.spec.networks or ())


def _inhabited(setup: Setup) -> Iterator[tuple[str, str]]:
    """Yield host and network of every task on the overlays, on hosts that take part."""
    hosts = {node.id: host for host in setup.held if (node := setup.state.node_of(host)) is not None}
    services = {one.id for one in own_services(setup.state)}
    wanted = {net.spec.name for net in setup.overlays}
    for task in running(setup.state.tasks):
        if task.service_id in services and task.node_id in hosts:
            yield from ((hosts[task.node_id], name) for name in task.networks if name in wanted)
