"""OpenSSH certificates: which key is signed, by whom, and whether one vouches for a host now."""

from __future__ import annotations

import binascii
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.serialization import SSHCertPublicKeyTypes

_SUFFIX = "-cert-v01@openssh.com"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate, the key that it is about, and the key that signed it."""

    content: SSHCertificate
    subject: bytes
    authority: bytes


def is_certificate(kind: str) -> bool:
    """Return whether this kind of key is a certificate."""
    return kind.endswith(_SUFFIX)


def read_certificate(kind: str, blob: bytes) -> Certificate | None:
    """Return a certificate; None for a plain key, and for what makes no sense."""
    if not is_certificate(kind):
        return None
    try:
        content = load_ssh_public_identity(f"{kind} ".encode() + binascii.b2a_base64(blob, newline=False))
        if not isinstance(content, SSHCertificate):
            return None
        return Certificate(content, _blob(content.public_key()), _blob(content.signature_key()))
    except (ValueError, UnsupportedAlgorithm):
        return None


def why_not_valid(certificate: Certificate, name: str) -> str | None:
    """Return why a certificate does not vouch for a host of this name, None when it does.

    The rules are those of ``sshkey_cert_check_host``.
    """
    content = certificate.content
    try:
        content.verify_cert_signature()
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return "has a wrong signature"
    if content.type is not SSHCertificateType.HOST:
        return "is not for a host"
    if not content.valid_after <= time.time() < content.valid_before:
        return "is expired or not yet valid"
    names = [principal.decode("utf-8", "replace") for principal in content.valid_principals]
    if name not in names:  # ssh up to 9.9 knows no patterns here
        return f"is for {', '.join(names) or 'no name'}, not for {name}"
    if content.critical_options:
        return "has critical options that are not known"
    return None


def _blob(key: SSHCertPublicKeyTypes) -> bytes:
    return binascii.a2b_base64(key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1])
