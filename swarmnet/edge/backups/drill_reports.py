"""Reports of drills, kept next to the backups: ``CLUSTER/drills/TIME-ID.json``, its signature, and pages for people.

``NAME.json.sig`` is a detached signature in OpenSSH's format over the bytes of ``NAME.json``, namespace
``swarmnet-drill``: ``ssh-keygen -Y verify`` checks it. Lists, checks and prunes of backups look at no folder in a
cluster's folder, so the reports stay.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from swarmnet.edge.backups import sshsig
from swarmnet.edge.backups.keys import fingerprint
from swarmnet.edge.operator.owned_files import read_regular
from swarmnet.errors import SwarmnetError, UsageError
from swarmnet.files import make_folder, write_once

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FOLDER = "drills"
NAMESPACE = b"swarmnet-drill"
REPORT, SIGNATURE = ".json", ".json.sig"


class Signature(StrEnum):
    """What a report's signature is worth."""

    VALID = "valid"
    UNTRUSTED = "untrusted"
    """Sound, and its key is none of the accepted ones."""
    WRONG = "wrong"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Filed:
    """One report as it is on the disk."""

    path: Path
    content: bytes
    signature: Signature
    signer: str | None


def check_place(folder: Path) -> None:
    """Return when reports can be written there, as far as that is known before a drill; nothing is made.

    Raises:
        UsageError: it is a link, a file, or on a disk that takes nothing.
    """
    there = next((one for one in (folder, *folder.parents) if one.exists()), folder)
    if folder.is_symlink() or not there.is_dir() or not os.access(there, os.W_OK):
        raise UsageError(
            f"the report cannot be written to {folder}: {there} is a link, a file, or cannot be written",
            hint="name another directory with --reports",
        )


def file_report(folder: Path, name: str, texts: Mapping[str, str], key: Ed25519PrivateKey) -> Path:
    """Write a report whose texts are given by their endings, ``.json`` signed, and return the path of that one.

    The signature comes first: a report that is there was signed.

    Raises:
        SwarmnetError: it cannot be written; says where, and what to do.
    """
    check_place(folder)
    content = texts[REPORT].encode()
    files = {SIGNATURE: sshsig.armored(sshsig.sign(key, NAMESPACE, content))}
    files |= {ending: text.encode() for ending, text in texts.items()}
    try:
        make_folder(folder)
        for ending, data in files.items():
            write_once(folder / f"{name}{ending}", data, mode=0o644)
    except OSError as error:
        raise SwarmnetError(
            f"cannot write the report {folder / name}{REPORT}: {error.strerror}",
            hint="make room or give permission there, or name another directory with --reports",
        ) from error
    return folder / f"{name}{REPORT}"


def filed(folder: Path, trusted: Collection[str]) -> Iterator[Filed]:
    """Yield the reports of a folder by name; ``trusted`` are the public keys whose signatures count.

    Raises:
        OSError: a report is there and cannot be read.
    """
    if not folder.is_dir() or folder.is_symlink():
        return
    for path in sorted(folder.glob(f"*{REPORT}")):
        content = read_regular(path)
        beside = path.with_name(path.name + ".sig")
        if not beside.exists():
            yield Filed(path, content, Signature.MISSING, None)
            continue
        try:
            key = fingerprint(sshsig.signer_of(sshsig.unarmored(read_regular(beside)), NAMESPACE, content))
        except ValueError:
            yield Filed(path, content, Signature.WRONG, None)
            continue
        yield Filed(path, content, Signature.VALID if key in trusted else Signature.UNTRUSTED, key)
