"""``wait``: go on only when a service runs. Plans nothing where no step before it changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from swarmnet.model.plan import Action, Rank, Sign
from swarmnet.model.ref import Ref
from swarmnet.operations.kind import Operation
from swarmnet.operations.notation import Duration
from swarmnet.operations.service.converge import SERVICE_LIMIT, wait_for_service

if TYPE_CHECKING:
    from swarmnet.model.ports import Ports
    from swarmnet.model.state import ClusterState
    from swarmnet.operations.kind import Context


class WaitForService(Action):
    """Wait until all tasks of a service run, and an update of it has ended."""

    kind: Literal["wait.service"] = "wait.service"
    name: str
    """The service."""
    timeout: float = SERVICE_LIMIT

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.COMMAND

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state, which waiting does not change."""
        return state

    def run(self, ports: Ports) -> None:
        """Wait.

        Raises:
            ConvergenceError: its update failed, its tasks cannot run, or the time ran out; has the engine's word.
        """
        wait_for_service(ports, self.name, timeout=self.timeout)


class WaitOperation(Operation):
    """A point that a run passes only when a service is healthy."""

    name_in_playbook: ClassVar[str] = "wait"
    summary: ClassVar[str] = "Go on only when all tasks of a service run and are healthy."

    service: Annotated[str, Field(min_length=1)]
    """The service to wait for."""
    healthy: Literal[True] = True
    """Engines count a task as running once its health check, where it has one, has succeeded."""
    timeout: Annotated[Duration, Field(gt=0)] = SERVICE_LIMIT
    """Seconds after which the run fails, with what the tasks said last."""

    def problems(self, context: Context) -> tuple[str, ...]:
        """Return a service that does not exist at this point."""
        if context.state.service(self.service) is not None or ("service", self.service) in context.provided:
            return ()
        return (f"there is no service {self.service} here: put the step after the one that makes it",)

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return the wait, if a step before it changes anything; otherwise nothing, so that a second plan is empty."""
        if not context.changes:
            return ()
        target = Ref(kind="service", name=self.service)
        why = "the steps after it need it healthy"
        return (WaitForService(object=target, why=why, always=True, name=self.service, timeout=self.timeout),)
