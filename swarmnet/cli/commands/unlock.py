"""``swarmnet unlock``: unlock the managers of an autolocked swarm after a restart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import LimitedCluster, grouped
from swarmnet.cli.output import Output, Targets
from swarmnet.errors import ExitCode, UsageError, WrongKeyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.model.base import Secret
    from swarmnet.workflows.unlock import Unlocked

EXAMPLE = "swarmnet unlock -i lab.yml --key-file prod.key"

KeyFileOption = Annotated[
    str,
    typer.Option(
        "--key-file", metavar="FILE", help="The file that `unlock_key_file` of the playbook names; - reads stdin."
    ),
]


@grouped
def command(cluster: LimitedCluster, key_file: KeyFileOption, output: Output) -> None:
    """Unlock every locked manager, and wait until it is back in its swarm.

    Exit 12: the key is wrong. Exit 3: some hosts failed.
    """
    from swarmnet.workflows.unlock import unlock

    targets, key = output.targets(), read_key(key_file)
    hosts = cluster.read()
    names = cluster.names(hosts)
    with cluster.connected(hosts) as ports:
        asked = [host.name for host in hosts.hosts if names is None or host.name in names]
        answers = unlock(ports, key, asked)
    _show(answers, hosts.cluster, targets)
    if code := exit_code(answers):
        raise typer.Exit(code)


def read_key(source: str) -> Secret:
    """Return the key from a file or stdin, never from an argument, which other users can see.

    Raises:
        UsageError: the file does not exist, or it holds no key.
    """
    from swarmnet.edge.operator.files import read_stdin
    from swarmnet.edge.operator.secret_files import LocalSecretFiles
    from swarmnet.model.base import Secret

    key = Secret(read_stdin().strip()) if source == "-" else LocalSecretFiles().read(source)
    if key is None:
        raise UsageError(
            f"no such file: {source}", hint="`docker swarm unlock-key` on an unlocked manager shows the key"
        )
    if not key.reveal():
        raise UsageError("stdin holds no key")
    return key


def exit_code(answers: Sequence[Unlocked]) -> int:
    """Return 12 when the key is wrong, 3 when hosts failed for other reasons, else 0."""
    from swarmnet.workflows.unlock import Answer

    found = {one.answer for one in answers}
    if Answer.WRONG_KEY in found:
        return WrongKeyError.exit_code
    return ExitCode.INCOMPLETE if Answer.FAILED in found else ExitCode.DONE


def _show(answers: Sequence[Unlocked], cluster: str, targets: Targets) -> None:
    from swarmnet.report.documents.keys import UnlockDocument, UnlockedEntry
    from swarmnet.report.reports.keys import unlock_report

    hosts = [UnlockedEntry(host=one.host, answer=one.answer.value, detail=one.detail) for one in answers]
    lines = [f"{one.host}: {one.answer}{': ' + one.detail if one.detail else ''}" for one in answers]
    targets.emit(unlock_report(UnlockDocument(schema_=1, cluster=cluster, hosts=hosts), lines))
