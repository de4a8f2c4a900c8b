"""Image references as engines read them (distribution/reference: ``[registry/]path[:tag][@digest]``)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FORM = "write registry/name:tag or name@sha256:digest"
_LONGEST = 512
"""Characters; engines take a path of 255, a tag of 128 and a digest."""
_REGISTRY = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]{1,5})?", re.ASCII)
_PATH = re.compile(r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*", re.ASCII)
"""One component between slashes."""
_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
_LONGEST_NAME = 255
"""Characters of registry and path (distribution/reference, NameTotalLengthMax)."""
_ID = re.compile(r"[0-9a-f]{64}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def fault_of_image(reference: str) -> str | None:
    """Return what keeps a text from naming an image; None when it can."""
    shown = repr(reference if len(reference) <= 80 else f"{reference[:80]}...")  # noqa: PLR2004 - fits on a line
    fault = _FORM if not 0 < len(reference) <= _LONGEST else next(_faults(reference), None)
    return None if fault is None else f"{shown} is not an image reference: {fault}"


def registry_of(reference: str) -> str:
    """Return the registry that an image comes from; one that names none comes from docker.io."""
    first, slash, _rest = reference.partition("/")
    return first if slash and _is_registry(first) else "docker.io"


def _faults(reference: str) -> Iterator[str]:
    name, at, digest = reference.partition("@")
    if at and _DIGEST.fullmatch(digest) is None:
        yield "its digest must be sha256: and 64 hexadecimal digits in lower case"
    head, slash, last = name.rpartition("/")
    last, colon, tag = last.partition(":")
    if colon and _TAG.fullmatch(tag) is None:
        yield "a tag has 1 to 128 letters, digits, '_', '.' and '-', the first a letter, a digit or '_'"
    if _ID.fullmatch(reference):
        yield "64 hexadecimal digits are an image's id, not a name; write registry/name:tag"
    if len(head + slash + last) > _LONGEST_NAME:
        yield f"registry and path have at most {_LONGEST_NAME} characters"
    parts = (head + slash + last).split("/")
    if len(parts) > 1 and _is_registry(parts[0]):
        if _REGISTRY.fullmatch(parts[0]) is None:
            yield f"{parts[0]!r} is not a registry's host name or address, with or without a port"
        parts = parts[1:]
    if not all(map(_PATH.fullmatch, parts)):
        yield "its path must be in lower case" if all(_PATH.fullmatch(part.lower()) for part in parts) else _FORM


def _is_registry(part: str) -> bool:
    """Return whether engines take the first component for a registry (reference.splitDockerDomain)."""
    return part == "localhost" or any(char in part for char in ".:[") or part != part.lower()


def whole_name(reference: str) -> str:
    """Return a name as engines complete it: ``docker.io/library/web:latest`` for ``web``."""
    registry = registry_of(reference)
    path = reference.removeprefix(f"{registry}/")
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    tagged = "@" in path or ":" in path.rpartition("/")[2]
    return f"{registry}/{path}" if tagged else f"{registry}/{path}:latest"


def name_and_tag(reference: str) -> tuple[str, str]:
    """Split a reference into its name and its tag, or its digest where it has one; no tag is ``latest``."""
    name, at, digest = reference.partition("@")
    if at:
        return name, digest
    head, slash, last = reference.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{head}{slash}{name}", tag or "latest"
