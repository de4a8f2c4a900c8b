"""Where this machine gets Debian packages from: its own apt configuration says, or ``SWARMNET_LAB_MIRROR``."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from swarmnet.lab.machine.commands import attempt

MIRROR_VARIABLE = "SWARMNET_LAB_MIRROR"
_FORMAT = "$(REPO_URI)|$(ORIGIN)|$(RELEASE)|$(COMPONENT)"


@dataclass(frozen=True, slots=True)
class Archive:
    """A Debian archive, as apt would reach it."""

    uri: str
    """Empty: this machine's apt knows no Debian archive."""
    proxies: dict[str, str]
    """Proxy variables for programs that do not read apt's configuration."""


def archive() -> Archive:
    """Return the machine's Debian archive and its proxies.

    On Ubuntu apt knows no Debian archive; ``SWARMNET_LAB_MIRROR`` can name one.
    """
    named = os.environ.get(MIRROR_VARIABLE)
    if named:
        return Archive(named, _proxies())
    targets = attempt(["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"]).stdout
    os_release = Path("/etc/os-release")
    is_debian = os_release.exists() and "ID=debian" in os_release.read_text(encoding="utf-8").splitlines()
    return Archive(main_archive(targets, is_debian=is_debian), _proxies())


def main_archive(targets: str, *, is_debian: bool) -> str:
    """Choose the URI of the main archive among apt's index targets; empty where there is none.

    ``ORIGIN`` is empty until the first ``apt-get update``; on Debian the archive is then known by its shape.
    """
    for line in targets.splitlines():
        uri, origin, release, component = (line.split("|") + [""] * 4)[:4]
        plain = component == "main" and not release.endswith(("-security", "-updates", "-backports"))
        by_shape = is_debian and not origin and urlsplit(uri).path.rstrip("/").endswith("/debian")
        if plain and (origin == "Debian" or by_shape):
            return uri
    return ""


def _proxies() -> dict[str, str]:
    dump = attempt(["apt-config", "dump", "--format", "%f %v%n", "Acquire"]).stdout
    settings = dict(line.split(" ", 1) for line in dump.splitlines() if " " in line)
    wanted = {f"{scheme}_proxy": settings.get(f"Acquire::{scheme}::Proxy", "") for scheme in ("http", "https")}
    return {name: value for name, value in wanted.items() if value and value != "DIRECT"}
