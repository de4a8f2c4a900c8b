"""``RevokedHostKeys`` of ssh_config: a list of public keys, or a key revocation list (OpenSSH's PROTOCOL.krl).

A file that is missing, or that cannot be understood to its last byte, revokes every key, as for ssh: a list that is
not read must not let a stolen key through.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from swarmnet.edge.operator.owned_files import LARGEST, check_known_hosts
from swarmnet.errors import HostKeyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from swarmnet.edge.ssh.certificates import Certificate

_MAGIC = b"SSHKRL\n\0"
_CERTIFICATES, _KEYS, _SHA1, _SIGNATURE, _SHA256, _EXTENSION = 1, 2, 3, 4, 5, 255
_SERIALS, _SERIAL_RANGE, _SERIAL_BITMAP, _KEY_IDS, _CERTIFICATE_EXTENSION = 0x20, 0x21, 0x22, 0x23, 0x39


class NotUnderstoodError(Exception):
    """The file is not a list of keys, or has parts of an unknown kind."""


@dataclass(frozen=True, slots=True)
class _Certificates:
    """Revoked certificates of one authority; an empty authority means all of them."""

    authority: bytes
    ranges: tuple[tuple[int, int], ...]
    key_ids: frozenset[bytes]

    def revoke(self, certificate: Certificate) -> bool:
        if self.authority not in (b"", certificate.authority):
            return False
        serial = certificate.content.serial
        # Serial 0 is what certificates have that were given none.
        by_serial = serial != 0 and any(low <= serial <= high for low, high in self.ranges)
        return by_serial or certificate.content.key_id in self.key_ids


@dataclass(slots=True)
class Revoked:
    """What one file revokes."""

    digests: set[bytes] = field(default_factory=set)
    """SHA-1 and SHA-256 digests of keys."""
    certificates: list[_Certificates] = field(default_factory=list)

    def revokes(self, key: bytes, certificate: Certificate | None) -> bool:
        """Return whether the key, the authority that signed it or its certificate is revoked."""
        keys = (key, *((certificate.authority,) if certificate else ()))
        if any(digest(one).digest() in self.digests for one in keys for digest in (_sha1, hashlib.sha256)):
            return True
        return certificate is not None and any(one.revoke(certificate) for one in self.certificates)


def refuse_revoked(host: str, file: Path, key: bytes, certificate: Certificate | None) -> None:
    """Return when the file does not revoke the key that a host presents.

    Raises:
        HostKeyError: it does, or it cannot be read, or it is not understood.
        UsageError: others may write the file.
    """
    try:
        found = read_revoked(check_known_hosts(file))
    except OSError as error:
        raise _unusable(host, file, error.strerror or str(error)) from None
    except NotUnderstoodError as error:
        raise _unusable(host, file, str(error)) from None
    if found.revokes(key, certificate):
        raise HostKeyError(
            host,
            f"its key is revoked by {file} (RevokedHostKeys)",
            hint="make a new key on the host: ssh-keygen -A after removing the old files, then run swarmnet trust",
        )


def _unusable(host: str, file: Path, reason: str) -> HostKeyError:
    return HostKeyError(
        host,
        f"cannot check its key against {file} (RevokedHostKeys): {reason}",
        hint="restore that file, or remove the option from ssh_config",
    )


def read_revoked(content: bytes) -> Revoked:
    """Return what a file revokes; raises :class:`NotUnderstoodError`."""
    if len(content) >= LARGEST:
        raise NotUnderstoodError("it is too large")
    if not content.startswith(_MAGIC):
        return _read_text(content)
    try:
        return _read_krl(_Reader(content[len(_MAGIC) :]))
    except (struct.error, IndexError) as error:
        raise NotUnderstoodError("the revocation list is cut short") from error


def _read_text(content: bytes) -> Revoked:
    found = Revoked()
    for number, line in enumerate(content.splitlines(), 1):
        words = line.split(maxsplit=2)
        if not words or words[0].startswith(b"#"):
            continue
        try:
            blob = base64.b64decode(words[1], validate=True)
        except (IndexError, Base64Error):
            raise NotUnderstoodError(f"line {number} is not a public key") from None
        if not blob.startswith(struct.pack(">I", len(words[0])) + words[0]):
            raise NotUnderstoodError(f"line {number} is not a public key")
        found.digests.add(hashlib.sha256(blob).digest())
    return found


class _Reader:
    """Takes the values of SSH's wire format (RFC 4251) one after the other."""

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)

    def __bool__(self) -> bool:
        return bool(self._rest)

    def number(self, kind: str) -> int:
        """Return an unsigned number: ``B``, ``I`` or ``Q`` of the module struct."""
        (value,) = struct.unpack_from(f">{kind}", self._rest)
        self._rest = self._rest[struct.calcsize(f">{kind}") :]
        return int(value)

    def string(self) -> bytes:
        """Return a string."""
        length = self.number("I")
        if length > len(self._rest):
            raise struct.error
        value, self._rest = bytes(self._rest[:length]), self._rest[length:]
        return value

    def strings(self) -> Iterator[bytes]:
        """Yield the strings up to the end."""
        while self:
            yield self.string()


def _read_krl(reader: _Reader) -> Revoked:
    found = Revoked()
    if reader.number("I") != 1:
        raise NotUnderstoodError("the revocation list has an unknown format")
    for _ in ("version of the list", "date", "flags"):
        reader.number("Q")
    for _ in ("reserved", "comment"):
        reader.string()
    while reader:
        _read_section(found, reader.number("B"), _Reader(reader.string()))
    return found


def _read_section(found: Revoked, kind: int, section: _Reader) -> None:
    if kind == _CERTIFICATES:
        found.certificates.append(_read_certificates(section))
    elif kind == _KEYS:
        found.digests.update(hashlib.sha256(key).digest() for key in section.strings())
    elif kind in (_SHA1, _SHA256):
        found.digests.update(section.strings())
    elif kind == _EXTENSION:
        _pass_over(section)
    elif kind != _SIGNATURE:  # which ssh no longer reads either
        raise NotUnderstoodError(f"the revocation list has a section of kind {kind}")


def _read_certificates(reader: _Reader) -> _Certificates:
    authority, _reserved = reader.string(), reader.string()
    ranges: list[tuple[int, int]] = []
    key_ids: set[bytes] = set()
    while reader:
        kind, inner = reader.number("B"), _Reader(reader.string())
        if kind == _SERIAL_BITMAP:
            offset, bits = inner.number("Q"), int.from_bytes(inner.string(), "big")
            ranges += [(offset + bit, offset + bit) for bit in range(bits.bit_length()) if bits >> bit & 1]
        elif kind == _KEY_IDS:
            key_ids.update(inner.strings())
        elif kind == _CERTIFICATE_EXTENSION:
            _pass_over(inner)
        else:
            ranges += _read_serials(kind, inner)
    return _Certificates(authority, tuple(ranges), frozenset(key_ids))


def _read_serials(kind: int, section: _Reader) -> Iterator[tuple[int, int]]:
    if kind not in (_SERIALS, _SERIAL_RANGE):
        raise NotUnderstoodError(f"the revocation list has certificates by kind {kind}")
    while section:
        low = section.number("Q")
        yield low, low if kind == _SERIALS else section.number("Q")


def _pass_over(extension: _Reader) -> None:
    """Leave an extension out; raises for one that may not be left out."""
    name, critical = extension.string(), extension.number("B")
    extension.string()
    if critical:
        raise NotUnderstoodError(f"the revocation list has the extension {name!r}")


def _sha1(content: bytes) -> hashlib._Hash:
    return hashlib.sha1(content, usedforsecurity=False)
