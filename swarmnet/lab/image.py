"""A small image on every host of a lab, made of the host's own busybox: services run without any registry."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from swarmnet.errors import LabError, UsageError
from swarmnet.model.image import fault_of_image

if TYPE_CHECKING:
    from collections.abc import Sequence

    from swarmnet.lab.running import RunningLab as Lab

_IMPORT = """
set -eu
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
mkdir -p "$d/bin" "$d/tmp" "$d/etc" "$d/www"
cp /bin/busybox "$d/bin/"
chroot "$d" /bin/busybox --install -s /bin
echo 'it works' > "$d/www/index.html"
first="$2"
tar -C "$d" -c . | docker import --change "CMD $1" - "$first"
shift 2
for name; do docker tag "$first" "$name"; done
sync -f /var/lib/docker
"""
_PAGE = ("httpd", "-f", "-h", "/www", "-p", "80")
_LIMIT = 60.0


def make_image(lab: Lab, reference: str) -> list[str]:
    """Make an image called ``reference`` on every host that runs, and return them; it serves a page on port 80.

    It outlives a power cut. Engines do not write layers to the disk themselves: seen on 26.1, a host that lost power
    within 30 seconds of an import had the image in its list, and a program of 0 bytes in it.

    Raises:
        UsageError: This is not a valid name of an image.
        LabError: A host cannot make it; the message has the engine's output.
    """
    wrong = fault_of_image(reference)
    if wrong is not None or "@" in reference:
        raise UsageError(wrong or f"{reference!r} has a digest, which cannot be chosen", hint="name it demo:1")

    return _imported(lab, (reference,), _PAGE)


def make_stand_ins(lab: Lab, references: Sequence[str], ports: Sequence[int]) -> list[str]:
    """Make one small image under all of these names, none with a digest, on every host that runs; return the hosts.

    Its program serves a page on each of the TCP ports, on 80 where there are none, until it is stopped.

    Raises:
        LabError: A host cannot make it; the message has the engine's output.
    """
    serve = "; ".join(f"httpd -h /www -p {port}" for port in ports or (80,))
    return _imported(lab, references, ("sh", "-c", f"{serve}; exec sleep 2147483647"))


def _imported(lab: Lab, references: Sequence[str], program: Sequence[str]) -> list[str]:
    words = ["sh", "-c", _IMPORT, "image", json.dumps(program), *references]

    def on(host: str) -> str | None:
        done = lab.exec(host, words, limit=_LIMIT)
        return None if done.exit_code == 0 else f"{host}: {done.last_words()}"

    names = [host.name for host in lab.hosts if lab.kind(host).powered(host)]
    with ThreadPoolExecutor(len(names) or 1) as pool:
        failures = [failure for failure in pool.map(on, names) if failure]
    if failures:
        raise LabError(f"could not make image {', '.join(references)}: {'; '.join(failures)}")
    return names
