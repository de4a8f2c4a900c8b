"""Check: every host answers, its engine does, and a container of swarmnet runs there."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from swarmnet.model.plural import count
from swarmnet.model.report import Status
from swarmnet.verify import absence, claims
from swarmnet.verify.checks.host_check import HostCheck, members
from swarmnet.verify.ids import CauseId
from swarmnet.verify.trouble import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

    from swarmnet.verify.scenario import Answers, Findings, Setup


class Present(HostCheck):
    """What cannot be asked does not pass: the other checks of such a host follow from this one."""

    name: ClassVar[str] = "hosts"
    summary: ClassVar[str] = "every host and its engine answer, and run a container"

    def judge(self, setup: Setup, _answers: Answers) -> Findings:
        """Return one inconclusive verdict for each host that cannot be looked at."""
        return self.reported(
            _absent(setup),
            f"{count(len(members(setup)), 'host and its engine answer', 'hosts and their engines answer')}",
        )


def _absent(setup: Setup) -> Iterator[Trouble]:
    for failure in setup.state.failures:
        yield _trouble(failure.host, CauseId.UNREACHABLE, failure.reason, failure.hint or "")
    for watching in setup.observers:
        if watching.problem is not None:
            cause = absence.cause_of(watching.problem)
            yield _trouble(watching.host, cause, watching.problem, "")


def _trouble(host: str, cause: CauseId, why: str, hint: str) -> Trouble:
    fix = hint or "check the host's power, network, sshd and Docker (docker info there), then run check again"
    return Trouble(
        cause,
        (host,),
        f"{host} could not be checked: {why}",
        fix,
        status=Status.INCONCLUSIVE,
        broken=frozenset((claims.observer(host),)),
    )
