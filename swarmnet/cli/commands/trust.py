"""``swarmnet trust``: the SSH keys of all hosts, and one question for the new ones."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli import wiring
from swarmnet.cli.options import LimitedCluster, YesOption, grouped
from swarmnet.cli.output import Output
from swarmnet.errors import ExitCode, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from swarmnet.edge.ssh.host_keys import HostKeys
    from swarmnet.model.host_keys import HostKey

EXAMPLE = "swarmnet trust -i lab.yml"

FingerprintOption = Annotated[
    list[str] | None,
    typer.Option("--fingerprint", metavar="HOST=SHA256:...", help="The key that a host must have; repeatable."),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--fingerprints", metavar="FILE", help="The keys that hosts must have: one HOST=SHA256:... a line."),
]


@grouped
def command(
    cluster: LimitedCluster,
    output: Output,
    fingerprint: FingerprintOption = None,
    fingerprints: FileOption = None,
    yes: YesOption = False,
) -> None:
    """Show the SSH keys of all hosts and jump hosts, and write new ones to known_hosts once you agree.

    Compare each fingerprint with what the host itself prints: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub.
    A key that changed is never accepted. --yes needs the fingerprint of each new host.

    Exit 3: a host does not answer, or its key changed. Exit 5: you did not agree.
    """
    from swarmnet.edge.operator.files import read_document
    from swarmnet.edge.ssh.host_keys import HostKeys
    from swarmnet.model.host_keys import KeyState, read_expected
    from swarmnet.report.reports.keys import trust_report

    targets, hosts = output.targets(), cluster.read()
    lines = read_document(fingerprints).decode("utf-8", "replace").splitlines() if fingerprints else []
    expected = read_expected([*lines, *(fingerprint or [])])
    ask = wiring.passphrase if sys.stdin.isatty() else None
    found: list[HostKey] = []
    with HostKeys(wiring.patient(hosts, cluster.timeout), ask, cluster.names(hosts)) as keys:
        for warning in keys.warnings:
            wiring.note(f"warning: {warning}")
        for labels in keys.rounds():
            found += _settled(keys, labels, expected, yes=yes, quiet=targets.on_stderr)
    targets.emit(trust_report(hosts.cluster, found), shown=True)
    if any(key.state in (KeyState.CHANGED, KeyState.UNSEEN) for key in found):
        raise typer.Exit(ExitCode.INCOMPLETE)


def _settled(
    keys: HostKeys, labels: Iterable[str], expected: Mapping[str, str], *, yes: bool, quiet: bool
) -> list[HostKey]:
    """Show the keys of some servers, and accept the new ones that the operator agrees to."""
    from swarmnet.model.host_keys import KeyState
    from swarmnet.report.terminal.host_keys import host_key_lines
    from swarmnet.workflows.fleet.fanout import fan_out

    names = list(labels)
    results = fan_out(names, keys.look)
    found = [result for name in names if not isinstance(result := results[name], Exception)]
    for error in results.values():
        if isinstance(error, Exception):
            raise error
    for line in host_key_lines(found):
        typer.echo(line, err=quiet)
    new = [key for key in found if key.state is KeyState.NEW]
    if new:
        _agree(new, expected, yes=yes)
    return [keys.accept(key) if key.state is KeyState.NEW else key for key in found]


def _agree(new: list[HostKey], expected: Mapping[str, str], *, yes: bool) -> None:
    """Return when the operator agrees to the keys; raises ``RefusedError`` when not."""
    from swarmnet.model.host_keys import expected_of

    wrong = [key for key in new if expected_of(key, expected) not in (None, key.fingerprint)]
    if wrong:
        wrong_keys = "; ".join(
            f"{key.host} presents {key.fingerprint}, not {expected_of(key, expected)}" for key in wrong
        )
        raise RefusedError(
            f"{wrong_keys}; nothing was written",
            hint="compare keys of the same type: a host has one of each. If they differ, the host may be another one",
        )
    missing = [key.host for key in new if expected_of(key, expected) is None]
    if yes and missing:
        raise RefusedError(
            f"no fingerprint was given for {', '.join(missing)}; nothing was written",
            hint="--yes needs --fingerprint HOST=SHA256:... for each new host; or leave out --yes",
        )
    if yes:
        return
    if not sys.stdin.isatty():
        raise RefusedError(
            "cannot ask about the new keys without a terminal; nothing was written",
            hint="run it in a terminal, or give --yes with --fingerprint HOST=SHA256:... for each host",
        )
    if not wiring.confirm(f"Trust {'this new key' if len(new) == 1 else f'these {len(new)} new keys'}?"):
        raise RefusedError("not confirmed; nothing was written")
