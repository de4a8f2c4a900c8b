"""The options of ``schedule install`` for a schedule that the swarm itself runs, and the files that they name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.sources import Sources

_AWS, _SSH_KEY, _KNOWN, _CONFIG = ".aws/credentials", ".ssh/target", ".ssh/known_hosts", ".ssh/config"
_ONE_KEY = "Host *\n  IdentityFile ~/.ssh/target\n  IdentitiesOnly yes\n"
_LARGEST = 400 * 1024
"""Bytes of one file: engines take secrets of 500 KB."""
_WHAT = {".aws/credentials": "--aws-credentials", ".ssh/target": "--ssh-key", ".ssh/known_hosts": "--known-hosts"}


@dataclass(frozen=True, slots=True)
class InSwarm:
    """A schedule that is a service of the cluster itself."""

    in_swarm: Annotated[
        bool,
        typer.Option(
            "--in-swarm", help="Let the swarm run it: a service that moves when its node dies. Needs --image and --to."
        ),
    ] = False
    image: Annotated[
        str | None,
        typer.Option(
            "--image", metavar="REF", help="With --in-swarm: its image, which `swarmnet schedule image` makes."
        ),
    ] = None
    aws_credentials: Annotated[
        Path | None,
        typer.Option(
            "--aws-credentials",
            metavar="FILE",
            help="With --in-swarm: a file as ~/.aws/credentials, whose default profile logs in to s3:// targets.",
        ),
    ] = None
    ssh_key: Annotated[
        Path | None,
        typer.Option(
            "--ssh-key",
            metavar="FILE",
            help="With --in-swarm: a private key without passphrase that logs in to sftp:// targets.",
        ),
    ] = None
    known_hosts: Annotated[
        Path | None,
        typer.Option(
            "--known-hosts", metavar="FILE", help="With --in-swarm: a file with the host keys of sftp:// targets."
        ),
    ] = None

    def check(self, to: tuple[str, ...]) -> None:
        """Refuse what does not fit together.

        Raises:
            UsageError: says which option it is.
        """
        from swarmnet.edge.targets.location import is_url

        named = {
            "--image": self.image,
            "--aws-credentials": self.aws_credentials,
            "--ssh-key": self.ssh_key,
            "--known-hosts": self.known_hosts,
        }
        if not self.in_swarm:
            extra = [option for option, value in named.items() if value is not None]
            if extra:
                raise UsageError(f"{extra[0]} works only with --in-swarm")
            return
        if self.image is None:
            raise UsageError("--in-swarm needs an --image", hint="`swarmnet schedule image` makes one")
        if not to or not all(is_url(text) for text in to):
            raise UsageError(
                "--in-swarm needs a --to away from the cluster: what is on a node is lost with it",
                hint="--to sftp://USER@HOST/PATH, or --to s3://BUCKET/PREFIX",
            )
        kinds = {text.partition(":")[0] for text in to}
        if "s3" in kinds and self.aws_credentials is None:
            raise UsageError("an s3:// target needs --aws-credentials: nothing else of your own login goes along")
        if "sftp" in kinds and (self.ssh_key is None or self.known_hosts is None):
            raise UsageError("an sftp:// target needs --ssh-key and --known-hosts: your own SSH keys stay here")

    def files(self) -> dict[str, str]:
        """Return what targets need, by the path below the scheduler's home.

        Raises:
            UsageError: a file cannot be read, is too large, or is a key with a passphrase.
        """
        from swarmnet.edge.operator.owned_files import read_private, read_public

        found: dict[str, str] = {}
        if self.aws_credentials is not None:
            found[_AWS] = _text(read_private(self.aws_credentials), _AWS)
        if self.ssh_key is not None:
            found[_SSH_KEY] = _text(read_private(self.ssh_key), _SSH_KEY)
            found[_CONFIG] = _ONE_KEY
            _opens_alone(self.ssh_key)
        if self.known_hosts is not None:
            found[_KNOWN] = _text(read_public(self.known_hosts), _KNOWN)
        return found


def kept_playbook(playbook: Path, inventory: Path) -> Sources:
    """Return the playbook that each backup keeps, with its files, small enough for the scheduler's secret.

    Raises:
        DocumentError: a value of a secret is in one of them.
        UsageError: a file cannot be read, or all are too large.
    """
    from swarmnet.cli.sources import read_sources

    sources = read_sources(playbook, inventory)
    if len(sources.model_dump_json()) > _LARGEST:
        raise UsageError(
            f"--playbook {playbook}: with the files that it names, it is larger than the {_LARGEST >> 10} KiB that a"
            " secret of the swarm has room for",
            hint="leave --playbook out, and keep these files in a repository of their own",
        )
    return sources


def _text(data: bytes, name: str) -> str:
    if len(data) > _LARGEST:
        raise UsageError(f"{_WHAT[name]}: more than {_LARGEST >> 10} KiB", hint="name a file with what targets need")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise UsageError(f"{_WHAT[name]}: it is not a text file") from None


def _opens_alone(path: Path) -> None:
    from swarmnet.edge.ssh.keys import opens_without_passphrase

    if not opens_without_passphrase(path):
        raise UsageError(f"--ssh-key {path}: it has a passphrase, or is not a private key", hint="make one of its own")
