"""Who reaches whom, judged from what containers saw: what opens, what does not, and why."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from swarmnet.model.expectation import Arrow, Check, Door, Expectations, Party, PartyKind
from swarmnet.model.network import Network, NetworkSpec
from swarmnet.model.plan import MANAGED_LABEL
from swarmnet.model.report import Status
from swarmnet.model.service import Protocol, Service, ServiceSpec
from swarmnet.model.state import ClusterState
from swarmnet.verify.ends import HOST_NETWORK, End
from swarmnet.verify.ids import CauseId
from swarmnet.verify.scenario import Answer, Answers, InsideTask, Setup
from swarmnet.verify.scenarios.expected.checks import Checks
from swarmnet.verify.scenarios.expected.isolation import Isolation

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject, JsonValue
    from swarmnet.model.report import Verdict

WEB, API, DB = (Party(kind=PartyKind.SERVICE, name=name) for name in ("web", "api", "db"))
ENDS = (
    End("web", "m1", "web.1", "c1", {"front": "10.1.0.1"}, asks=True),
    End("api", "m2", "api.1", "c2", {"front": "10.1.0.2", "back": "10.2.0.2"}, asks=True),
    End("db", "m1", "db.1", "c3", {"back": "10.2.0.3"}, asks=True),
    End("db", "m2", "db.2", "c4", {"back": "10.2.0.4"}, asks=True),
)
PORTS = {"web": 80, "api": 8000, "db": 5432}


def arrow(source: Party, target: Party, *doors: int, allowed: bool = True) -> Arrow:
    return Arrow(source=source, target=target, doors=tuple(Door(port=one) for one in doors), allowed=allowed)


def expecting(*arrows: Arrow, rest: bool = False, **checks: Check) -> Setup:
    nets = [NetworkSpec(name=name, labels={MANAGED_LABEL: "x"}) for name in ("front", "back")]
    state = ClusterState(
        networks=tuple(Network(id=spec.name, spec=spec) for spec in nets),
        services=tuple(
            Service(id=name, version=1, spec=ServiceSpec(name=name, image="x"), virtual_ips={"back": "10.2.0.9/24"})
            for name in PORTS
        ),
    )
    expected = Expectations(arrows=arrows, rest_denied=rest, services=tuple(PORTS), checks=checks)
    return Setup(state, (), expected=expected, ends=ENDS)


class Hosts:
    """What containers see: a name or an address opens where both ends have its network, unless a test says else."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.says: dict[tuple[str, str], JsonObject] = {}
        """Name of an asker, or ``*``, and label, to its outcome."""
        self.sockets: dict[str, list[JsonValue]] = {
            end.name: [{"protocol": "tcp", "address": "*", "port": PORTS[end.party]}] for end in setup.ends
        }
        self.has_ipvs = True
        self.silent: set[str] = set()

    def answers(self, scenario: Isolation | Checks) -> Answers:
        found: Answers = {}
        while True:
            new = [one for one in scenario.ask(self.setup, found) if (one.host, one.key) not in found]
            if not new:
                return found
            for one in new:
                assert isinstance(one, InsideTask)
                found[one.host, one.key] = self._answer(one)

    def _answer(self, question: InsideTask) -> Answer:
        if question.inside in self.silent:
            return Answer(problem="it ended")
        if question.task["kind"] == "listening":
            return Answer({"sockets": self.sockets[question.inside], "ipvs": self.has_ipvs})
        targets = question.task["targets"]
        assert isinstance(targets, dict)
        mute = {label for label, one in targets.items() if isinstance(one, dict) and _is_mute(one)}
        said = {label: SILENT if label in mute else self._outcome(question.inside, label) for label in targets}
        return Answer({"targets": {**said}})

    def _outcome(self, asker: str, label: str) -> JsonObject:
        given = self.says.get((asker, label)) or self.says.get(("*", label))
        if given is not None:
            return given
        mine = next(end for end in self.setup.ends if end.name == asker)
        name = label.partition(":")[0]
        near = [end for end in self.setup.ends if end.addresses.keys() & mine.addresses.keys()]
        if name in PORTS:
            party = [end for end in near if end.party == name]
            return {"seen": "open", "why": "", "addresses": ["10.2.0.9"]} if party else {"seen": "unresolvable"}
        at = [end for end in near for net, one in end.addresses.items() if one == name and net in mine.addresses]
        return {"seen": "open", "why": ""} if at else {"seen": "silent", "why": "no answer"}


def _is_mute(target: JsonObject) -> bool:
    """Return whether no program answers: a datagram that asks nothing."""
    return target["protocol"] == "udp" and "say" not in target


def judged(hosts: Hosts) -> dict[str, Verdict]:
    found = Isolation().judge(hosts.setup, hosts.answers(Isolation()))
    return {verdict.subject: verdict for verdict in found.verdicts}


def test_each_service_is_asked_by_name_by_virtual_address_and_at_each_containers_address() -> None:
    hosts = Hosts(expecting(arrow(API, DB, 5432), arrow(WEB, DB, allowed=False)))
    asked = {key[1]: one for key, one in hosts.answers(Isolation()).items()}
    labels = {key: sorted(str(label) for label in _targets(one)) for key, one in asked.items() if "isolation" in key}
    assert labels == {
        "inside/api.1/isolation": ["10.2.0.3:5432", "10.2.0.4:5432", "db:5432"],
        "inside/web.1/isolation": ["10.2.0.3:5432", "10.2.0.4:5432", "10.2.0.9:5432", "db:5432"],
    }


def _targets(answer: Answer) -> JsonObject:
    found = answer.value["targets"]
    assert isinstance(found, dict)
    return found


def test_what_is_as_expected_is_ok_and_shown_next_to_what_was_wanted() -> None:
    hosts = Hosts(expecting(arrow(WEB, API, 8000), arrow(API, DB), rest=True))
    found = Isolation().judge(hosts.setup, hosts.answers(Isolation()))
    assert {one.subject: one.status for one in found.verdicts} == {
        "web -> api: 8000": Status.OK,
        "api -> db": Status.OK,
        "web -> db": Status.OK,
        "db -> web": Status.OK,
    }
    matrix = found.expected
    assert matrix is not None
    assert {(one, two): (cell.wanted, cell.seen) for one, row in matrix.cells.items() for two, cell in row.items()} == {
        ("web", "api"): ("allow", "open"),
        ("web", "db"): ("deny", "closed"),
        ("api", "db"): ("allow", "open"),
        ("db", "web"): ("deny", "closed"),
    }
    assert (matrix.containers, matrix.hosts) == (4, 2)


def test_a_denied_port_that_opens_failed_with_the_network_that_has_both() -> None:
    hosts = Hosts(expecting(arrow(API, DB, 5432, allowed=False)))
    verdict = judged(hosts)["api -> db: 5432"]
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.NOT_ALLOWED)
    assert verdict.detail.endswith("and nothing allows it: both are on back")


@pytest.mark.parametrize("answers_itself", [True, False])
def test_silence_proves_a_denial_only_where_the_same_port_answers_its_own(*, answers_itself: bool) -> None:
    hosts = Hosts(expecting(arrow(WEB, DB, 5432, allowed=False)))
    if not answers_itself:
        hosts.says |= {("*", f"10.2.0.{number}:5432"): {"seen": "silent", "why": "no answer"} for number in (3, 4)}
    verdict = judged(hosts)["web -> db: 5432"]
    assert verdict.status is (Status.OK if answers_itself else Status.INCONCLUSIVE)


ELSEWHERE: JsonObject = {"seen": "unreachable", "why": "No route to host"}
SILENT: JsonObject = {"seen": "silent", "why": "no answer", "addresses": ["10.2.0.3"]}
REFUSED: JsonObject = {"seen": "refused", "why": "Connection refused"}


@pytest.mark.parametrize(
    ("label", "outcome", "cause", "said"),
    [
        ("db:5432", {"seen": "unresolvable", "why": "no such name"}, CauseId.UNRESOLVABLE, "the name db is not found"),
        ("db:5432", SILENT | {"addresses": ["10.2.0.9"]}, CauseId.VIP, "a virtual address"),
        ("10.2.0.4:5432", ELSEWHERE, CauseId.NO_ROUTE, "there is no way to 10.2.0.4:5432"),
        ("10.2.0.4:5432", SILENT, CauseId.BLOCKED, "stays silent, though db.2 on m2 listens there"),
        ("10.2.0.4:5432", REFUSED, CauseId.REFUSED, "is refused, though db.2 on m2 listens on *:5432"),
        ("10.2.0.4:5432", {"seen": "wrong", "why": "HTTP status 503"}, CauseId.CHECK_FAILED, "HTTP status 503"),
    ],
)
def test_what_keeps_an_allowed_port_from_answering_is_named(
    label: str, outcome: JsonObject, cause: CauseId, said: str
) -> None:
    hosts = Hosts(expecting(arrow(API, DB, 5432)))
    hosts.says["api.1", label] = outcome
    verdict = judged(hosts)["api -> db: 5432"]
    assert (verdict.status, verdict.cause) == (Status.FAILED, cause)
    assert said in verdict.detail


@pytest.mark.parametrize(
    ("address", "said"), [("127.0.0.1", "listens on 127.0.0.1:5432 alone"), ("", "no program of db.1 on m1 listens")]
)
def test_a_port_that_no_program_has_for_others_is_named(address: str, said: str) -> None:
    hosts = Hosts(expecting(arrow(API, DB, 5432)))
    hosts.sockets["db.1"] = [{"protocol": "tcp", "address": address, "port": 5432}] if address else []
    hosts.says["api.1", "10.2.0.3:5432"] = REFUSED
    verdict = judged(hosts)["api -> db: 5432"]
    assert verdict.cause == CauseId.NOT_LISTENING
    assert said in verdict.detail


@pytest.mark.parametrize("said", ["silent", "unreachable"])
def test_a_virtual_address_is_inconclusive_where_no_kernel_could_balance(said: str) -> None:
    hosts = Hosts(expecting(arrow(API, DB, 5432)))
    hosts.has_ipvs = False
    hosts.says["api.1", "db:5432"] = SILENT | {"addresses": ["10.2.0.9"], "seen": said}
    verdict = judged(hosts)["api -> db: 5432"]
    assert (verdict.status, "no IPVS" in verdict.detail) == (Status.INCONCLUSIVE, True)


def test_a_virtual_address_is_not_blamed_where_nothing_behind_it_answers_either() -> None:
    hosts = Hosts(expecting(arrow(API, DB, 5432)))
    mute: JsonObject = {"seen": "silent", "why": "no answer", "addresses": ["10.2.0.9"]}
    hosts.says |= {("*", label): mute for label in ("db:5432", "10.2.0.3:5432", "10.2.0.4:5432")}
    assert judged(hosts)["api -> db: 5432"].cause == CauseId.BLOCKED
    del hosts.says["*", "10.2.0.4:5432"]
    assert judged(hosts)["api -> db: 5432"].cause == CauseId.VIP


def test_an_allowed_pair_without_a_common_network_is_named_as_such() -> None:
    verdict = judged(Hosts(expecting(arrow(WEB, DB, 5432))))["web -> db: 5432"]
    assert verdict.cause == CauseId.NO_SHARED_NETWORK
    assert "they have no network in common (web: front; db: back)" in verdict.detail


@pytest.mark.parametrize("allowed", [True, False])
def test_what_could_not_be_asked_is_inconclusive(*, allowed: bool) -> None:
    hosts = Hosts(expecting(arrow(WEB, DB, 5432, allowed=allowed)))
    hosts.silent = {"web.1"}
    hosts.setup = replace(hosts.setup, ends=(replace(ENDS[0], addresses={"back": "10.2.0.7"}), *ENDS[1:]))
    assert judged(hosts)["web -> db: 5432"].status is Status.INCONCLUSIVE


def test_udp_without_an_answer_proves_nothing() -> None:
    door = Door(port=53, protocol=Protocol.UDP)
    hosts = Hosts(expecting(Arrow(source=API, target=DB, doors=(door,), allowed=True)))
    hosts.says |= {("*", f"{name}:53/udp"): SILENT for name in ("db", "10.2.0.3", "10.2.0.4")}
    verdict = judged(hosts)["api -> db: 53/udp"]
    assert (verdict.status, "check: {dns: NAME}" in str(verdict.fix)) == (Status.INCONCLUSIVE, True)


@pytest.mark.parametrize("has_check", [True, False])
def test_a_denied_port_of_udp_is_proved_by_the_answer_to_a_check_and_else_open(*, has_check: bool) -> None:
    door = Door(port=53, protocol=Protocol.UDP)
    line = Arrow(source=WEB, target=DB, doors=(door, Door(port=5432)), allowed=False)
    hosts = Hosts(expecting(line, db=Check(dns="example.org")) if has_check else expecting(line))
    verdict = judged(hosts)["web -> db: 53/udp, 5432"]
    if has_check:
        assert (verdict.status, "53/udp, 5432 opens neither" in verdict.detail) == (Status.OK, True)
    else:
        assert (verdict.status, "its own containers on 53/udp either" in verdict.detail) == (Status.INCONCLUSIVE, True)
        assert "check: {dns: NAME}" in str(verdict.fix)
        assert "5432" not in verdict.detail


@pytest.mark.parametrize(("allowed", "status"), [(True, Status.FAILED), (False, Status.SKIPPED)])
def test_a_service_without_a_container_and_one_without_a_port_are_distinguished(
    *, allowed: bool, status: Status
) -> None:
    setup = expecting(arrow(API, DB, allowed=allowed))
    gone = Hosts(replace(setup, ends=ENDS[:2]))
    assert judged(gone)["api -> db"].status is status
    mute = Hosts(setup)
    mute.sockets |= {"db.1": [], "db.2": []}
    assert judged(mute)["api -> db"].status is status


def test_ports_of_the_host_are_not_taken_for_those_of_a_service_in_its_network() -> None:
    setup = expecting(arrow(API, DB, allowed=False))
    hosts = Hosts(replace(setup, ends=(*ENDS[:2], replace(ENDS[2], addresses={HOST_NETWORK: "192.0.2.1"}))))
    verdict = judged(hosts)["api -> db"]
    assert (verdict.status, "name its ports" in verdict.detail) == (Status.SKIPPED, True)


def test_every_task_of_a_service_must_give_the_answer_of_its_check() -> None:
    hosts = Hosts(expecting(db=Check(http="/health", port=5432)))
    (verdict,) = Checks().judge(hosts.setup, hosts.answers(Checks())).verdicts
    assert (verdict.status, verdict.detail) == (Status.OK, "2 tasks answer (http 5432/health)")
    hosts.says["*", "10.2.0.4:5432"] = {"seen": "wrong", "why": "HTTP status 503"}
    (verdict,) = Checks().judge(hosts.setup, hosts.answers(Checks())).verdicts
    assert (verdict.status, verdict.cause) == (Status.FAILED, CauseId.CHECK_FAILED)
    assert verdict.detail == "1 of 2 tasks fail (db.2 on m2): 10.2.0.4:5432 is open, but: HTTP status 503"


def test_a_check_of_a_service_without_a_running_task_failed() -> None:
    setup = replace(expecting(db=Check(tcp=5432)), ends=())
    (verdict,) = Checks().judge(setup, {}).verdicts
    assert verdict.cause == CauseId.NO_RUNNING_TASK
