"""``command``: an argv on the selected hosts.

``unless`` makes it declarative: an argv that changes nothing and exits 0 where there is nothing to do. It runs while
the plan is made, so that the plan is honest. Without it the command runs at every apply, and the proof that a second
plan is empty leaves it out.
"""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from swarmnet.errors import CommandError
from swarmnet.model.plan import Action, Rank, Risk, Sign
from swarmnet.model.ref import Ref
from swarmnet.model.sensitive import SENSITIVE
from swarmnet.model.state import CommandResult
from swarmnet.operations.kind import Context, Need, Operation
from swarmnet.operations.notation import Duration, Words

if TYPE_CHECKING:
    from swarmnet.model.hosts import Host
    from swarmnet.model.ports import Completed, Ports
    from swarmnet.model.state import ClusterState

TOLD = 400
"""Characters of a failed command's output that its error shows."""


class RunCommand(Action):
    """Run an argv on one host."""

    kind: Literal["command.run"] = "command.run"
    host: str
    argv: tuple[str, ...]
    unless: tuple[str, ...] | None = None
    sudo: bool = False
    timeout: float = 60.0

    sign: ClassVar[Sign] = Sign.RUN
    stage: ClassVar[Rank] = Rank.COMMAND

    @property
    def target(self) -> str:
        """What is run where, for people."""
        return f"{self.object.name} on {self.host}"

    def predict(self, state: ClusterState) -> ClusterState:
        """Return the state in which ``unless`` says that nothing is left to do."""
        if self.unless is None:
            return state
        others = (one for one in state.answers if (one.host, one.argv) != (self.host, self.unless))
        done = CommandResult(host=self.host, argv=self.unless, exit_code=0)
        return state.model_copy(update={"answers": (*others, done)})

    def run(self, ports: Ports) -> None:
        """Run it, and ``unless`` again afterwards.

        Raises:
            CommandError: it failed, or it did not do what ``unless`` asks for.
        """
        shell = ports.shell(self.host)
        ended = shell.run(self.argv, sudo=self.sudo, timeout=self.timeout)
        if ended.exit_code != 0:
            raise CommandError(self.host, f"{shlex.join(self.argv)} exited {ended.exit_code}: {_last(ended)}")
        if self.unless is None:
            return
        check = shell.run(self.unless, sudo=self.sudo, timeout=self.timeout)
        if check.exit_code != 0:
            raise CommandError(
                self.host,
                f"{shlex.join(self.argv)} exited 0, but {shlex.join(self.unless)} still exits {check.exit_code}",
                hint="'unless' must exit 0 once the command has done its work",
            )


class CommandOperation(Operation):
    """An argv on the selected hosts; ``unless`` says where there is nothing to do."""

    name_in_playbook: ClassVar[str] = "command"
    summary: ClassVar[str] = "An argv on the selected hosts; 'unless' is an argv that exits 0 where it is done."

    argv: Annotated[Words, Field(min_length=1)]
    """The program and its arguments; no shell reads them."""
    unless: Annotated[Words, Field(min_length=1)] | None = None
    """A command that changes nothing: where it succeeds, the step has nothing to do."""
    sudo: bool = False
    """Run both as root, by `sudo -n`."""
    timeout: Annotated[Duration, Field(gt=0)] = 60.0
    """Seconds until the command is ended."""

    def needs(self, hosts: tuple[Host, ...]) -> tuple[Need, ...]:
        """Return ``unless`` for every host."""
        if self.unless is None:
            return ()
        return tuple(Need(host.name, self.unless, sudo=self.sudo, timeout=self.timeout) for host in hosts)

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return one action for each host that answered and is not done."""
        return tuple(self._run(host, context.state) for host in context.hosts if self._is_due(host, context.state))

    def _is_due(self, host: Host, state: ClusterState) -> bool:
        reached = state.facts(host.name) is not None
        return reached and (self.unless is None or state.exit_code(host.name, self.unless) != 0)

    def _run(self, host: Host, state: ClusterState) -> RunCommand:
        return RunCommand(
            object=Ref(kind="command", name=shlex.join(self.argv), host=host.name),
            why=self._why(host, state),
            risk=Risk.DISRUPTIVE,
            always=self.unless is None,
            host=host.name,
            argv=self.argv,
            unless=self.unless,
            sudo=self.sudo,
            timeout=self.timeout,
        )

    def _why(self, host: Host, state: ClusterState) -> str:
        if self.unless is None:
            return "it always runs: it has no 'unless'"
        words = shlex.join(self.unless)
        if state.exit_code(host.name, self.unless) is None:
            return f"whether {words} exits 0 is not known: planning did not run it (--allow-commands)"
        return f"{words} does not exit 0"


def _last(ended: Completed) -> str:
    text = (ended.stderr or ended.stdout).decode(errors="replace").strip()
    return SENSITIVE.masked(text)[-TOLD:] or "it printed nothing"
