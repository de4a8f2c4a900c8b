"""``command``: a command on the selected hosts.

``unless`` makes it declarative: a command that changes nothing and exits 0 on hosts where there is nothing to do. It
runs during planning, so that the plan is true. Without it the command runs at every apply, and the check that a second
plan is empty ignores it.
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

PRINTED = 400
"""Characters of a failed command's output that its error shows."""


class RunCommand(Action):
    """Run a command on one host."""

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
        """Return the state in which ``unless`` exits 0."""
        if self.unless is None:
            return state
        others = (one for one in state.answers if (one.host, one.argv) != (self.host, self.unless))
        done = CommandResult(host=self.host, argv=self.unless, exit_code=0)
        return state.model_copy(update={"answers": (*others, done)})

    def run(self, ports: Ports) -> None:
        """Run it, then ``unless`` again.

        Raises:
            CommandError: it failed, or ``unless`` still does not exit 0.
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
                hint="'unless' must exit 0 after the command has succeeded",
            )


class CommandOperation(Operation):
    """A command on the selected hosts; ``unless`` says where there is nothing to do."""

    name_in_playbook: ClassVar[str] = "command"
    summary: ClassVar[str] = "A command on the selected hosts; 'unless' is a command that exits 0 where it is done."

    argv: Annotated[Words, Field(min_length=1)]
    """The program and its arguments, run without a shell."""
    unless: Annotated[Words, Field(min_length=1)] | None = None
    """A command that changes nothing. Where it exits 0, the step has nothing to do."""
    sudo: bool = False
    """Run both as root, with `sudo -n`."""
    timeout: Annotated[Duration, Field(gt=0)] = 60.0
    """Seconds after which the command is stopped."""

    def needs(self, hosts: tuple[Host, ...]) -> tuple[Need, ...]:
        """Return ``unless`` for every host."""
        if self.unless is None:
            return ()
        return tuple(Need(host.name, self.unless, sudo=self.sudo, timeout=self.timeout) for host in hosts)

    def concerns(self, context: Context) -> tuple[Host, ...]:
        """Return the selected hosts."""
        return context.hosts

    def plan(self, context: Context) -> tuple[Action, ...]:
        """Return one action for each host that answered and where ``unless`` does not exit 0."""
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
            return f"not known whether {words} exits 0: planning did not run it (--allow-commands)"
        return f"{words} does not exit 0"


def _last(ended: Completed) -> str:
    text = (ended.stderr or ended.stdout).decode(errors="replace").strip()
    return SENSITIVE.masked(text)[-PRINTED:] or "it printed nothing"
