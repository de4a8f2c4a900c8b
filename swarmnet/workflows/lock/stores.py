"""Where a cluster's lock is stored: in a config of the swarm or, before there is a swarm, in a file on each manager.

Both are taken by one atomic test-and-set: a config's name is unique in a swarm (raft decides), and a file is created
with ``noclobber`` (``O_EXCL``).
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from swarmnet.errors import CommandError, ConflictError, HostError, NotFoundError, StateChangedError
from swarmnet.model.border import border
from swarmnet.model.find import by_name
from swarmnet.model.lock import LOCK_NAME, Claim, Holder
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.workflows.fleet.failover import LOST, Failover

if TYPE_CHECKING:
    from collections.abc import Callable

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import Completed, Ports, SwarmPort

_CLAIM = "io.swarmnet.lock"
_HEARTBEAT = "io.swarmnet.heartbeat"

_SCRIPT = """\
set -C -u
umask 077
if [ "$(id -u)" = 0 ]; then
  folder=/run/swarmnet
else
  folder=${HOME:?has no value on this host}/.cache/swarmnet-$(uname -n)
fi
file=$folder/$1
stray() { echo "$1 $2; remove it" >&2; exit 7; }
if [ "$2" = take ] && [ ! -e "$folder" ] && [ ! -L "$folder" ]; then
  mkdir -p -- "${folder%/*}" && { mkdir -- "$folder" || [ -d "$folder" ]; } || exit 1
fi
[ -e "$folder" ] || [ -L "$folder" ] || exit 8
[ ! -L "$folder" ] && [ -d "$folder" ] || stray "$folder" "is not a folder"
[ -O "$folder" ] || stray "$folder" "belongs to another user"
case $(stat -c %A -- "$folder") in d????[!w]??[!w]?*) ;; *) stray "$folder" "can be written by other users" ;; esac
if [ -e "$file" ] || [ -L "$file" ]; then
  [ ! -L "$file" ] && [ -f "$file" ] || stray "$file" "is not a regular file"
  [ -O "$file" ] || stray "$file" "belongs to another user"
  [ "$2" != take ] || exit 9
else
  [ "$2" = take ] || exit 8
fi
stamp() { stat -L -c %Y:%i -- "$1"; }
case $2 in
take) true > "$file" || exit 9
      cat >| "$file" && [ -s "$file" ] || { rm -f -- "$file"; exit 1; } ;;
read) { stamp=$(stamp /proc/self/fd/3)
        echo $(( $(date +%s) - ${stamp%%:*} )) "$stamp"; head -c 65536 <&3; } 3< "$file" || exit 8 ;;
beat) grep -qF -e "$3" "$file" && touch -c -- "$file" || exit 8 ;;
drop) [ -z "$3" ] || grep -qF -e "$3" "$file" || exit 8
      case $(stamp "$file") in $4) rm -f -- "$file" ;; *) exit 8 ;; esac ;;
esac
"""
"""``sh -c SCRIPT sh NAME VERB TOKEN STAMP``. Exit codes: 8, the file is missing or another run's; 9, it is taken;
7, something else is in the way, which is named, never followed and never opened.

The folder belongs to root, or is a private one of the user: its content comes from someone who could change the
cluster anyway. In a home that several hosts share, each host has its own folder.

A file that stays empty (no space, or the sender is gone) is removed, since it would be a lock without a holder. A
heartbeat never creates a file (``-c``): the run may release its lock between the look and the touch. A reader opens
the file once, and loses nothing if it is removed then. ``drop`` removes the file that contains the token, if one is
given, and whose stamp matches the pattern: without a token and with ``*`` it removes any file, even an empty one.
"""
_STRAY, _ABSENT, _TAKEN = 7, 8, 9
_READ = re.compile(r"(-?\d{1,15}) (\d{1,15}:\d{1,20})")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
ATTEMPTS = 5
"""Writes for one heartbeat, if another process changes the lock's config in between."""
RELEASE_PATIENCE = 30.0
"""Seconds for a manager to answer that removes the lock; after that, it stays until it is stale."""


class LockStore(Protocol):
    """One place that can hold a lock."""

    @property
    def name(self) -> str:
        """Return the name of the place, for people."""

    def take(self, claim: Claim) -> bool:
        """Take the lock; return False if another run holds it."""

    def holder(self) -> Holder | None:
        """Return the holder, None if there is no lock."""

    def witnesses(self) -> tuple[Callable[[], Holder | None], ...]:
        """Return the same question to everyone else who can answer it, in case ``holder`` is slow."""

    def beat(self, claim: Claim) -> bool:
        """Send a heartbeat; return False if this run no longer holds the lock."""

    def drop(self, claim: Claim) -> None:
        """Release the lock; one of another run stays."""

    def break_it(self, holder: Holder, *, silent: bool = True) -> bool:
        """Remove another run's lock if it is still the one that was seen; return whether it was.

        ``silent`` removes it only if it sent no heartbeat since then.
        """


class SwarmPlace:
    """The config ``swarmnet-lock`` of the swarm."""

    name = "the swarm"

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._clock: Clock = ports.clock

    def take(self, claim: Claim) -> bool:
        """Create the config; its name is unique in the swarm."""
        labels = {_CLAIM: claim.model_dump_json(), _HEARTBEAT: self._clock.now().isoformat()}
        # An empty config is refused by the engine (swarmkit: "must be larger than 0").
        spec = ConfigSpec(name=LOCK_NAME, data=b"the lock of swarmnet; see its labels\n", labels=labels)
        try:
            Failover(self._ports).manager().configs.create(spec)
        except ConflictError:
            return False
        return True

    def holder(self) -> Holder | None:
        """Return the holder, None if there is no lock."""
        return self._seen_by(self._ports.manager())

    def witnesses(self) -> tuple[Callable[[], Holder | None], ...]:
        """Return the question to each manager; one whose leader is lost raises ``NotAManagerError``."""
        return tuple(partial(self._asked_of, host.name) for host in self._ports.inventory.managers)

    def _asked_of(self, host: str) -> Holder | None:
        return self._seen_by(self._ports.engine(host))

    def _seen_by(self, manager: SwarmPort) -> Holder | None:
        config = by_name(manager.configs.list(), LOCK_NAME)
        return None if config is None else self._describe(config)

    def beat(self, claim: Claim) -> bool:
        """Write the time into a label of the config."""
        for _attempt in range(ATTEMPTS - 1):
            with suppress(StateChangedError):
                return self._write(claim)
        return self._write(claim)

    def _write(self, claim: Claim) -> bool:
        config = self._config()
        if config is None or _claim(config.spec.labels.get(_CLAIM, "")) != claim:
            return False
        labels = config.spec.labels | {_HEARTBEAT: self._clock.now().isoformat()}
        try:
            self._ports.manager().configs.update_labels(config.id, config.version, labels)
        except NotFoundError:
            return False
        return True

    def drop(self, claim: Claim) -> None:
        """Remove the config if this run holds it. Without a swarm there is none; without a leader, wait for one."""
        try:
            self._drop(self._ports, claim)
        except LOST:
            if self._there_is_a_swarm():
                self._drop(Failover(self._ports, patience=RELEASE_PATIENCE), claim)

    def _drop(self, ports: Ports, claim: Claim) -> None:
        manager = ports.manager()
        for config in manager.configs.list():
            if config.spec.name == LOCK_NAME and _claim(config.spec.labels.get(_CLAIM, "")) == claim:
                with suppress(NotFoundError):
                    manager.configs.remove(config.id)

    def _there_is_a_swarm(self) -> bool:
        """Return whether any manager is still in one: after a reset none is, and no answer will ever come."""
        for host in self._ports.inventory.managers:
            with suppress(HostError):
                if self._ports.engine(host.name).facts().membership.state is not SwarmStanding.INACTIVE:
                    return True
        return False

    def break_it(self, holder: Holder, *, silent: bool = True) -> bool:
        """Remove the config by its id, which no other lock ever has."""
        config = self._config()
        if config is None:
            return False
        now = self._describe(config)
        if now.identity != holder.identity or (silent and now.version != holder.version):
            return False
        self._remove(config.id)
        return True

    def _remove(self, config_id: str) -> None:
        try:
            self._ports.manager().configs.remove(config_id)
        except NotFoundError:
            return

    def _config(self) -> Config | None:
        return by_name(self._ports.manager().configs.list(), LOCK_NAME)

    def _describe(self, config: Config) -> Holder:
        # A heartbeat from the future means a clock that was set back; it counts as much as an old one.
        age = _seconds(self._clock.now(), config.spec.labels.get(_HEARTBEAT, ""))
        claim = _claim(config.spec.labels.get(_CLAIM, ""))
        version = f"{config.id}@{config.version}"
        return Holder(place=self.name, claim=claim, identity=config.id, version=version, age=age)


class FilePlace:
    """A file on one host; its age comes from the host's own clock."""

    def __init__(self, ports: Ports, host: str, cluster: str) -> None:
        self._ports = ports
        self._host = host
        self._file = f"{LOCK_NAME}-{cluster.replace('/', '_')}"

    @property
    def name(self) -> str:
        """Return the host's name."""
        return self._host

    def take(self, claim: Claim) -> bool:
        """Create the file; the kernel lets one of two succeed."""
        contents, said = claim.model_dump_json().encode(), ""
        for _ in range(2):
            ended = self._run("take", stdin=contents)
            if ended.exit_code == 0:
                return True
            if self.holder() is not None:
                return False
            # Released between the two looks, or something else has that name.
            said = ended.stderr.decode(errors="replace").strip()
        raise CommandError(self._host, f"cannot create the lock file: {said}")

    def holder(self) -> Holder | None:
        """Return the holder, None if there is no lock."""
        ended = self._run("read")
        if ended.exit_code == _ABSENT:
            return None
        with border(self._host, "read the lock file", CommandError):
            first, _, text = ended.stdout.decode(errors="replace").partition("\n")
            said = _READ.fullmatch(first)
            age, stamp = (None, "") if said is None else (abs(float(said[1])), said[2])
            claim = _claim(text)
            token = "" if claim is None else claim.token
            identity, version = f"{token}@{stamp.partition(':')[2]}", f"{token}@{stamp}"
            return Holder(place=self.name, claim=claim, identity=identity, version=version, age=age)

    def witnesses(self) -> tuple[Callable[[], Holder | None], ...]:
        """Return nothing: only its own host can read a file."""
        return ()

    def beat(self, claim: Claim) -> bool:
        """Touch the file."""
        return self._run("beat", claim.token).exit_code == 0

    def drop(self, claim: Claim) -> None:
        """Remove the file if this run holds it."""
        self._run("drop", claim.token)

    def break_it(self, holder: Holder, *, silent: bool = True) -> bool:
        """Remove the file if it is still the one that was seen."""
        token = "" if holder.claim is None or not _TOKEN.fullmatch(holder.claim.token) else holder.claim.token
        stamp = (holder.version if silent else holder.identity).rpartition("@")[2]
        return self._run("drop", token, stamp if silent else f"*:{stamp}").exit_code == 0

    def _run(self, verb: str, token: str = "", stamp: str = "*", *, stdin: bytes = b"") -> Completed:
        argv = ("sh", "-c", _SCRIPT, "sh", self._file, verb, token, stamp)
        ended = self._ports.shell(self._host).run(argv, stdin=stdin)
        if ended.exit_code not in (0, _ABSENT, _TAKEN):
            said = ended.stderr.decode(errors="replace").strip()
            if ended.exit_code == _STRAY:
                raise CommandError(self._host, f"cannot read the lock: {said}")
            raise CommandError(self._host, f"cannot {verb} the lock file (exit {ended.exit_code}): {said}")
        return ended


def _claim(text: str) -> Claim | None:
    try:
        return Claim.model_validate_json(text)
    except ValidationError:
        return None


def _seconds(now: datetime, written: str) -> float | None:
    """Return the seconds between now and a written time; None if it is not a time."""
    try:
        return abs((now - datetime.fromisoformat(written)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None
