"""The cached root file systems of lab hosts, one per engine release.

A root is built in a temporary directory and renamed into place, so it is never incomplete. Its directory name holds a
digest of the recipe: a root that another version of swarmnet built is not found, and is built again. The stamp next to
it names the engine that it really contains.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from swarmnet.errors import LabError
from swarmnet.files import locked
from swarmnet.lab import hosts
from swarmnet.lab.hosts.disks import ACCOUNTS
from swarmnet.lab.machine.commands import attempt
from swarmnet.lab.roots.aptsource import archive
from swarmnet.lab.roots.engines import ENGINES, EngineRelease

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

CACHE_VARIABLE = "SWARMNET_LAB_CACHE"
_DEFAULT_CACHE = "/var/cache/swarmnet"
_BUILD_LIMIT = 1800.0
_ROOM_PER_ROOT = 1500 * 1024**2
_AT_A_TIME = 2
_PARTS = frozenset({"root", "stamp.json"})
"""What the directory of a root holds, and nothing else."""

_FINISH = """
set -eu
for account in {accounts}; do
    name=${{account%:*}} uid=${{account#*:}}
    groupadd --gid "$uid" "lab-$name"
    useradd --create-home --shell /bin/bash --uid "$uid" --gid "$uid" "$name"
done
adduser dockeruser docker
printf 'operator ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/operator
chmod 0440 /etc/sudoers.d/operator
# Hosts must not share identities: each gets its own when a lab is made.
rm -f /etc/ssh/ssh_host_* /etc/docker/key.json /etc/machine-id /var/lib/dbus/machine-id
: > /etc/machine-id
mkdir -p /var/lib/docker /etc/docker/certs.d
[ ! -d /usr/lib/uml ] || tcc -shared -nostdlib -o /usr/lib/uml/registers.so /usr/src/registers.c
apt-get clean
rm -rf /var/lib/apt/lists/* /usr/share/doc/* /usr/share/man/* /usr/share/locale/*
dockerd --version > /etc/lab-engine
"""
_REGISTERS = Path(hosts.__file__).with_name("registers.c")


class Stamp(BaseModel):
    """What a finished root holds."""

    recipe: str
    suite: str
    engine: str
    """Full engine version, such as ``26.1.5``."""


@dataclass(frozen=True, slots=True)
class RootCache:
    """The directory with the cached roots."""

    base: Path

    @classmethod
    def default(cls) -> RootCache:
        """Return this machine's cache, or the one that ``SWARMNET_LAB_CACHE`` names."""
        return cls(Path(os.environ.get(CACHE_VARIABLE, _DEFAULT_CACHE)).absolute())

    def place(self, release: EngineRelease) -> Path:
        """Return where the root of ``release`` is, or would be."""
        return self.base / f"engine-{release.version}-{recipe_digest(release)}"

    def stamp(self, release: EngineRelease) -> Stamp | None:
        """Return the stamp of a finished root; None where it is missing or broken."""
        place = self.place(release)
        try:
            stamp = Stamp.model_validate_json((place / "stamp.json").read_bytes())
        except (FileNotFoundError, ValidationError):
            return None
        whole = (place / "root/usr/sbin/dockerd").exists() or (place / "root/usr/bin/dockerd").exists()
        return stamp if whole else None

    def root(self, release: EngineRelease) -> Path:
        """Return the finished root of ``release``.

        Raises:
            LabError: It was not built yet, or by another version of swarmnet.
        """
        if self.stamp(release) is None:
            raise LabError(
                f"there is no root file system for engine {release.version} in {self.base}{self._others(release)}",
                hint=f"run `swarmnet lab setup --engine {release.version}` once (about a minute)",
            )
        return self.place(release) / "root"

    def _others(self, release: EngineRelease) -> str:
        """Return a remark if there is a root of another recipe: a cache of another version of swarmnet."""
        stamped = {path.parent for path in self.base.glob(f"engine-{release.version}-*/stamp.json")}
        others = stamped - {self.place(release)}
        return "; the existing one was built by another version of swarmnet" if others else ""

    def build(self, releases: Sequence[EngineRelease], *, say: Callable[[str], None]) -> list[str]:
        """Build the missing roots, two at a time, and return what went wrong, one sentence per root."""
        self.base.mkdir(parents=True, exist_ok=True)
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            results = [pool.submit(self._build_reporting, release, say) for release in releases]
            try:
                return [problem for result in results if (problem := result.result())]
            except KeyboardInterrupt:
                pool.shutdown(cancel_futures=True)
                raise

    def _build_reporting(self, release: EngineRelease, say: Callable[[str], None]) -> str:
        try:
            self._build_once(release, say)
        except LabError as wrong:
            return f"engine {release.version}: {wrong.message}"
        return ""

    def _build_once(self, release: EngineRelease, say: Callable[[str], None]) -> None:
        lock = self.base / f"engine-{release.version}.lock"
        with locked(lock, limit=_BUILD_LIMIT):
            # A process that waited for the lock finds the work done.
            stamp = self.stamp(release)
            if stamp is not None:
                say(f"engine {stamp.engine}: ready")
                return
            _require_room(self.base)
            say(f"engine {release.version}: building its root file system from {release.suite}")
            stamp = self._build(release)
            say(f"engine {stamp.engine}: built")

    def _build(self, release: EngineRelease) -> Stamp:
        place = self.place(release)
        aside = self.base / f".engine-{release.version}.building"
        log = self.base / f"engine-{release.version}.log"
        # Nothing can be mounted in here: the builder keeps its mounts in a namespace of its own.
        _remove_root(aside)
        _remove_root(place)
        (aside / "root").mkdir(parents=True)
        try:
            _debootstrap(release, aside / "root", log)
            stamp = Stamp(recipe=recipe_digest(release), suite=release.suite, engine=_finish(aside / "root", log))
            if not stamp.engine.startswith(f"{release.version}."):
                raise LabError(f"{release.suite} now holds engine {stamp.engine}; its log is {log}")
            (aside / "stamp.json").write_text(stamp.model_dump_json(), encoding="utf-8")
            aside.rename(place)
        finally:
            _remove_root(aside)
        return stamp

    def remove_outdated(self, *, used: Collection[Path]) -> None:
        """Remove finished roots of other recipes that no lab uses. What does not carry our stamp stays."""
        current = {self.place(release) for release in ENGINES.values()}
        for place in self.base.glob("engine-*-*"):
            if place not in current and place / "root" not in used and _is_stamped(place):
                _remove_root(place)


def _is_stamped(place: Path) -> bool:
    """Return whether a directory carries the stamp of the recipe that its name ends with."""
    try:
        stamp = Stamp.model_validate_json((place / "stamp.json").read_bytes())
    except (OSError, ValidationError):
        return False
    return not place.is_symlink() and place.name.endswith(f"-{stamp.recipe}")


def _remove_root(place: Path) -> None:
    """Remove a root, finished or not, where there is one.

    Raises:
        LabError: It is something else; nothing of it is removed.
    """
    if not os.path.lexists(place):
        return
    if place.is_symlink() or not place.is_dir() or not {entry.name for entry in place.iterdir()} <= _PARTS:
        raise LabError(f"{place} is not a root file system of swarmnet", hint=f"move it away, or set {CACHE_VARIABLE}")
    shutil.rmtree(place)


def recipe_digest(release: EngineRelease) -> str:
    """Return the digest of everything that decides what a root holds."""
    recipe = repr((release, _FINISH, sorted(ACCOUNTS.items()), _REGISTERS.read_bytes()))
    return hashlib.sha256(recipe.encode()).hexdigest()[:12]


def _debootstrap(release: EngineRelease, root: Path, log: Path) -> None:
    source = archive()
    argv = [
        # Dies with this process; else it would go on building in a directory that is no longer locked.
        *("setpriv", "--pdeathsig", "KILL", "--"),
        *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation", "private", "--"),
        *("debootstrap", "--force-check-gpg", "--variant=minbase", f"--include={','.join(release.packages)}"),
        *(release.suite, str(root)),
        # The script is named because an older debootstrap does not know newer suites. Without an archive
        # of the machine's own, debootstrap has its default.
        *((source.uri, "sid") if source.uri else ()),
    ]
    done = attempt(argv, limit=_BUILD_LIMIT, env=source.proxies)
    log.write_text(done.stdout + done.stderr, encoding="utf-8")
    if done.exit_code != 0:
        raise LabError(f"debootstrap {release.suite} failed; the end of {log}:\n{done.last_words()}")


def _finish(root: Path, log: Path) -> str:
    shutil.copy(_REGISTERS, root / "usr/src")
    accounts = " ".join(f"{name}:{uid}" for name, uid in ACCOUNTS.items())
    done = attempt(["chroot", str(root), "/bin/sh", "-c", _FINISH.format(accounts=accounts)], limit=120)
    with log.open("a", encoding="utf-8") as file:
        file.write(done.stdout + done.stderr)
    if done.exit_code != 0:
        raise LabError(f"the root in {root} could not be finished; the end of {log}:\n{done.last_words()}")
    said = (root / "etc/lab-engine").read_text(encoding="utf-8")
    (root / "etc/lab-engine").unlink()
    return said.split("version", 1)[1].split(",", 1)[0].strip().split("+", 1)[0]


def _require_room(base: Path) -> None:
    free = shutil.disk_usage(base).free
    if free < _ROOM_PER_ROOT * _AT_A_TIME:
        raise LabError(
            f"{base} has {free // 1024**2} MiB free, building needs {_ROOM_PER_ROOT * _AT_A_TIME // 1024**2} MiB",
            hint=f"free some room, or point {CACHE_VARIABLE} to another disk",
        )
