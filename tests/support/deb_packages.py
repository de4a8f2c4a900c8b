"""A package source for lab hosts, which have no internet: packages of a cached root, packed again.

Files, maintainer scripts, configuration files and dependencies are those of the distribution; only compression and
signature are missing.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from typing import TYPE_CHECKING

from swarmnet.lab.machine.commands import environment
from swarmnet.lab.roots.cache import RootCache
from swarmnet.lab.roots.engines import release_of

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.lab import Lab

SOURCE = "/var/local/packages"
_PARTS = ("preinst", "postinst", "prerm", "postrm", "conffiles")
_LIMIT = 60.0


def pack(engine: str, names: tuple[str, ...], folder: Path) -> None:
    """Make a package source of the packages that the root of an engine's release has."""
    root = RootCache.default().root(release_of(engine))
    index = [_packed(root, name, folder) for name in names]
    (folder / "Packages").write_text("\n".join(index), encoding="utf-8")


def _packed(root: Path, name: str, folder: Path) -> str:
    """Pack one package again and return its paragraph of the index."""
    known, tree = root / "var/lib/dpkg/info", folder / f"{name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    files = [one for one in (known / f"{name}.list").read_text(encoding="utf-8").split("\n") if one not in ("", "/.")]
    there = [f".{one}" for one in files if (root / one[1:]).is_symlink() or (root / one[1:]).exists()]
    archive = folder / f"{name}.tar"
    argv = ["tar", "-C", str(root), "--no-recursion", "-T", "-", "-cf", str(archive)]
    _run(argv, stdin="\n".join(there))
    _run(["tar", "-C", str(tree), "-xf", str(archive)])
    archive.unlink()
    for part in _PARTS:
        if (known / f"{name}.{part}").exists():
            shutil.copy2(known / f"{name}.{part}", tree / "DEBIAN" / part)
    control = _control(root, name)
    (tree / "DEBIAN/control").write_text(control, encoding="utf-8")
    package = folder / f"{name}.deb"
    _run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", str(tree), str(package)])
    shutil.rmtree(tree)
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    return f"{control}Filename: ./{package.name}\nSize: {package.stat().st_size}\nSHA256: {digest}\n"


def _control(root: Path, name: str) -> str:
    """Return the control paragraph of an installed package, without what dpkg adds to it."""
    said = _run(["dpkg-query", "--admindir", str(root / "var/lib/dpkg"), "-s", name])
    fields: list[list[str]] = []
    for line in said.splitlines():
        if line.startswith(" ") and fields:
            fields[-1].append(line)
        elif line:
            fields.append([line])
    kept = (one for one in fields if one[0].partition(":")[0] not in ("Status", "Conffiles"))
    return "".join(f"{line}\n" for one in kept for line in one)


def offer(lab: Lab, host: str, folder: Path) -> None:
    """Make a folder of packages the only source of a host; its lists are not fetched yet."""
    record = lab.host(host)
    copies = lab.kind(record).inside(record, ["sh", "-c", f"mkdir -p {SOURCE} && tar -C {SOURCE} -x"])
    with subprocess.Popen(["/bin/tar", "-C", str(folder), "-c", "."], stdout=subprocess.PIPE) as sent:
        subprocess.run(copies, stdin=sent.stdout, env=environment(), check=True, timeout=_LIMIT)
    lab.put_file(host, "/etc/apt/sources.list", f"deb [trusted=yes] file:{SOURCE} ./\n")
    lab.exec(host, ["sh", "-c", "rm -rf /etc/apt/sources.list.d/*"])


def _run(argv: list[str], *, stdin: str = "") -> str:
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False, timeout=_LIMIT)
    assert done.returncode == 0, done.stderr
    return done.stdout
