"""``swarmnet keys``: who can open backups, who signs them, whose signature counts."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.cli.options import JsonOption  # noqa: TC001 - typer reads the annotations at run time
from swarmnet.cli.sealing import key_ring
from swarmnet.errors import UsageError
from swarmnet.report.text import printable

if TYPE_CHECKING:
    from swarmnet.edge.keys import KeyRing

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)

DirectoryOption = Annotated[
    Path | None,
    typer.Option(
        "--directory",
        "--keys",
        help="Directory of keys; default: the user's own.",
        envvar="SWARMNET_KEYS",
        show_default=False,
    ),
]


@app.command(epilog="Example: swarmnet keys init --recovery-file /media/stick/recovery.txt")
def init(
    directory: DirectoryOption = None,
    name: Annotated[str, typer.Option("--name", help="Your name in the lists; default: the login name.")] = "",
    recovery_file: Annotated[
        Path | None, typer.Option("--recovery-file", help="Write the recovery identity there instead of showing it.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make an identity to open with, a key to sign with, and a recovery identity that is shown this once."""
    from swarmnet.edge.files import write_atomically  # noqa: PLC0415 - commands load what they need

    ring = key_ring(directory)
    if recovery_file is not None and recovery_file.exists():
        raise UsageError(f"{recovery_file} exists already")
    recovery = ring.create(name or getpass.getuser())
    if recovery_file is not None:
        write_atomically(recovery_file, f"{recovery}\n".encode(), mode=0o600)
    shown = recovery if recovery_file is None else str(recovery_file)
    if as_json:
        typer.echo(json.dumps({**_described(ring), "recovery_identity": shown}))
        return
    _print(ring)
    typer.echo("\nRecovery identity, kept nowhere by swarmnet: put it where a fire or a thief does not find it.")
    typer.echo("With it and any copy of a backup, everything comes back; without any identity, nothing does.")
    typer.echo(f"  {printable(shown)}")


@app.command("list", epilog="Example: swarmnet keys list --json")
def list_(directory: DirectoryOption = None, as_json: JsonOption = False) -> None:
    """Show recipients and trusted signers."""
    ring = key_ring(directory)
    if as_json:
        typer.echo(json.dumps(_described(ring)))
    else:
        _print(ring)


@app.command(
    epilog="Example: swarmnet keys add 'ssh-ed25519 AAAA... bob' ; swarmnet keys add --signer 'ssh-ed25519 ...'"
)
def add(
    key: Annotated[str, typer.Argument(help="age1... or ssh-ed25519 ... public key.")],
    directory: DirectoryOption = None,
    name: Annotated[str, typer.Option("--name", help="Whose key it is.")] = "",
    signer: Annotated[
        bool, typer.Option("--signer", help="Accept backups signed by it, instead of sealing to it.")
    ] = False,
) -> None:
    """Seal future backups to one more recipient, or trust one more signer."""
    from swarmnet.edge.keys import parse_recipient, parse_signer  # noqa: PLC0415 - commands load what they need

    text = f"{key} # {name}" if name else key
    if signer:
        key_ring(directory).add_signer(parse_signer(text))
    else:
        key_ring(directory).add_recipient(parse_recipient(text))
    typer.echo("added; it counts from the next backup on", err=True)


@app.command(epilog="Example: swarmnet keys remove bob")
def remove(
    name: Annotated[str, typer.Argument(help="Name, fingerprint or key of a recipient or signer.")],
    directory: DirectoryOption = None,
) -> None:
    """Take a recipient or signer out; backups that were sealed to him stay readable for him."""
    if key_ring(directory).remove(name) == 0:
        raise UsageError(f"no recipient or signer {name!r}", hint="`swarmnet keys list` shows them")
    typer.echo("removed; older backups can still be opened with that key", err=True)


def _described(ring: KeyRing) -> dict[str, object]:
    return {
        "schema": 1,
        "directory": str(ring.directory),
        "identity": str(ring.identity) if ring.identity.exists() else None,
        "recipients": [{"key": r.key, "name": r.name, "fingerprint": r.fingerprint} for r in ring.recipients()],
        "signers": [{"key": s.line, "name": s.name} for s in ring.signers()],
    }


def _print(ring: KeyRing) -> None:
    typer.echo(f"keys in {printable(str(ring.directory))}")
    for recipient in ring.recipients():
        typer.echo(f"  opens  {recipient.fingerprint}  {printable(recipient.name):<12} {recipient.key}")
    for signer in ring.signers():
        typer.echo(f"  signs  {signer.key[:16]}  {printable(signer.name):<12} {signer.line}")
