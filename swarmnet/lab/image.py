"""A small image on every host of a lab, made of the host's own busybox: services run without any registry."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from swarmnet.errors import LabError

if TYPE_CHECKING:
    from swarmnet.lab.lab import Lab

_IMPORT = """
set -eu
d=$(mktemp -d)
trap 'rm -rf "$d"' EXIT
mkdir -p "$d/bin" "$d/tmp" "$d/etc" "$d/www"
cp /bin/busybox "$d/bin/"
chroot "$d" /bin/busybox --install -s /bin
echo 'it works' > "$d/www/index.html"
tar -C "$d" -c . | docker import --change 'CMD ["httpd", "-f", "-h", "/www", "-p", "80"]' - "$1"
"""
_LIMIT = 60.0


def make_image(lab: Lab, reference: str) -> None:
    """Make an image called ``reference`` on every host that runs; its default command serves a page on port 80.

    Raises:
        LabError: A host could not make it; says what its engine said.
    """

    def on(host: str) -> str | None:
        done = lab.exec(host, ["sh", "-c", _IMPORT, "image", reference], limit=_LIMIT)
        return None if done.exit_code == 0 else f"{host}: {done.last_words()}"

    names = [host.name for host in lab.hosts if lab.kind(host).powered(host)]
    with ThreadPoolExecutor(len(names) or 1) as pool:
        failures = [failure for failure in pool.map(on, names) if failure]
    if failures:
        raise LabError(f"could not make image {reference!r}: {'; '.join(failures)}")
