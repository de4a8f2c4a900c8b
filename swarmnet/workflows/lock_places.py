"""Where a cluster's lock can lie: a config of the swarm, or, before there is one, a file on each manager.

Both are taken by one atomic test-and-set: a config's name is unique in a swarm (raft decides), and a file is made with
``noclobber`` (``O_EXCL``).
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol

from pydantic import ValidationError

from swarmnet.errors import CommandError, ConflictError, HostError, NotFoundError, StateChangedError
from swarmnet.model.border import border
from swarmnet.model.lock import LOCK_NAME, Claim, Holder
from swarmnet.model.state import Membership
from swarmnet.model.swarm import Config, ConfigSpec
from swarmnet.workflows.failover import LOST, Failover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from swarmnet.model.clock import Clock
    from swarmnet.model.ports import Completed, Ports, SwarmPort

_CLAIM = "io.swarmnet.lock"
_HEARTBEAT = "io.swarmnet.heartbeat"

_SCRIPT = """\
set -C -u
umask 022
folder=/run/lock
[ -d "$folder" ] && [ -w "$folder" ] || folder=/tmp
file=$folder/$1
case $2 in
take) true > "$file" || exit 9
      cat >| "$file" && [ -s "$file" ] || { rm -f "$file"; exit 1; } ;;
read) { stamp=$(stat -L -c %Y /proc/self/fd/3)
        echo $(( $(date +%s) - stamp )) "$stamp"; cat <&3; } 3< "$file" || exit 8 ;;
beat) grep -qF "$3" "$file" && touch -c "$file" || exit 8 ;;
drop) [ -z "$3" ] || grep -qF "$3" "$file" || exit 8; rm -f "$file" ;;
esac
"""
"""``sh -c SCRIPT sh NAME VERB TOKEN``: exit 8 when it is not there or another's, 9 when it is taken.

A file that is not filled (no space, or who sends its contents is gone) is removed: it would be a lock of nobody. A
sign of life makes no file (``-c``): the run may give its lock back between the look and the touch. A reader opens the
file once, and loses nothing when it is removed then. Without a token any file is dropped, an empty one, too.
"""
_ABSENT, _TAKEN = 8, 9
RELEASE_PATIENCE = 30.0
"""Seconds for a manager to answer that shall take the lock away; else it stays until it is stale."""


class Place(Protocol):
    """Somewhere a lock can lie."""

    @property
    def name(self) -> str:
        """Return where it is, for people."""

    def take(self, claim: Claim) -> bool:
        """Take the lock; False when somebody has it."""

    def holder(self) -> Holder | None:
        """Return who has it."""

    def witnesses(self) -> tuple[Callable[[], Holder | None], ...]:
        """Return the same question to each who can answer it, too, for when ``holder`` is slow."""

    def beat(self, claim: Claim) -> bool:
        """Give a sign of life; False when it is ours no longer."""

    def drop(self, claim: Claim) -> None:
        """Give it back; one that is not ours stays."""

    def break_it(self, holder: Holder) -> None:
        """Remove another's lock, if it is still the one that was seen."""


class SwarmPlace:
    """The config ``swarmnet-lock`` of the swarm."""

    name = "the swarm"

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._clock: Clock = ports.clock

    def take(self, claim: Claim) -> bool:
        """Make the config; its name is unique in the swarm."""
        labels = {_CLAIM: claim.model_dump_json(), _HEARTBEAT: self._clock.now().isoformat()}
        # An empty config is refused by the engine (swarmkit: "must be larger than 0").
        spec = ConfigSpec(name=LOCK_NAME, data=b"the lock of swarmnet; see its labels\n", labels=labels)
        try:
            Failover(self._ports).manager().create_config(spec)
        except ConflictError:
            return False
        return True

    def holder(self) -> Holder | None:
        """Return who has the lock."""
        return self._seen_by(self._ports.manager())

    def witnesses(self) -> tuple[Callable[[], Holder | None], ...]:
        """Return the question to each manager of the inventory; whose leader is lost raises ``NotAManagerError``."""
        return tuple(partial(self._asked_of, host.name) for host in self._ports.inventory.managers)

    def _asked_of(self, host: str) -> Holder | None:
        return self._seen_by(self._ports.engine(host))

    def _seen_by(self, manager: SwarmPort) -> Holder | None:
        config = _lock_among(manager.configs())
        return None if config is None else self._describe(config)

    def beat(self, claim: Claim) -> bool:
        """Write the time into a label of the config."""
        config = self._config()
        if config is None or _claim(config.spec.labels.get(_CLAIM, "")) != claim:
            return False
        labels = config.spec.labels | {_HEARTBEAT: self._clock.now().isoformat()}
        try:
            self._ports.manager().update_config_labels(config.id, config.version, labels)
        except NotFoundError:
            return False
        except StateChangedError:
            return self.beat(claim)
        return True

    def drop(self, claim: Claim) -> None:
        """Remove the config if it is ours; without a swarm there is none, and without a leader it is waited for."""
        try:
            self._drop(self._ports, claim)
        except LOST:
            if self._there_is_a_swarm():
                self._drop(Failover(self._ports, patience=RELEASE_PATIENCE), claim)

    def _drop(self, ports: Ports, claim: Claim) -> None:
        manager = ports.manager()
        for config in manager.configs():
            if config.spec.name == LOCK_NAME and _claim(config.spec.labels.get(_CLAIM, "")) == claim:
                with suppress(NotFoundError):
                    manager.remove_config(config.id)

    def _there_is_a_swarm(self) -> bool:
        """Tell whether any manager still is in one: after a reset none is, and nobody will ever answer."""
        for host in self._ports.inventory.managers:
            with suppress(HostError):
                if self._ports.engine(host.name).facts().membership.state is not Membership.INACTIVE:
                    return True
        return False

    def break_it(self, holder: Holder) -> None:
        """Remove the config by its id, unless it gave a sign of life since it was seen."""
        config = self._config()
        if config is not None and self._describe(config).version == holder.version:
            self._remove(config.id)

    def _remove(self, config_id: str) -> None:
        try:
            self._ports.manager().remove_config(config_id)
        except NotFoundError:
            return

    def _config(self) -> Config | None:
        return _lock_among(self._ports.manager().configs())

    def _describe(self, config: Config) -> Holder:
        # A sign of life from the future tells of a clock that was set back, no less than an old one of silence.
        age = abs(_seconds(self._clock.now(), config.spec.labels.get(_HEARTBEAT, "")))
        claim = _claim(config.spec.labels.get(_CLAIM, ""))
        return Holder(place=self.name, claim=claim, version=f"{config.id}@{config.version}", age=age)


class FilePlace:
    """A file on one host; its age is told by the host's own clock."""

    def __init__(self, ports: Ports, host: str, cluster: str) -> None:
        self._ports = ports
        self._host = host
        self._file = f"{LOCK_NAME}-{cluster.replace('/', '_')}"

    @property
    def name(self) -> str:
        """Return the host's name."""
        return self._host

    def take(self, claim: Claim) -> bool:
        """Make the file; the kernel lets one of two succeed."""
        contents, said = claim.model_dump_json().encode(), ""
        for _ in range(2):
            ended = self._run("take", "", stdin=contents)
            if ended.exit_code == 0:
                return True
            if self.holder() is not None:
                return False
            # Given back between the two looks, or there is something else of that name.
            said = ended.stderr.decode(errors="replace").strip()
        raise CommandError(self._host, f"cannot make the lock file: {said}")

    def holder(self) -> Holder | None:
        """Return who has the lock."""
        ended = self._run("read", "")
        if ended.exit_code == _ABSENT:
            return None
        with border(self._host, "read the lock file", CommandError):
            first, _, text = ended.stdout.decode(errors="replace").partition("\n")
            age, stamp = (int(word) for word in first.split())
            claim = _claim(text)
            token = "" if claim is None else claim.token
            return Holder(place=self.name, claim=claim, version=f"{token}@{stamp}", age=abs(age))

    def witnesses(self) -> tuple[Callable[[], Holder | None], ...]:
        """Return nobody: a file is seen by its host alone."""
        return ()

    def beat(self, claim: Claim) -> bool:
        """Touch the file."""
        return self._run("beat", claim.token).exit_code == 0

    def drop(self, claim: Claim) -> None:
        """Remove the file if it is ours."""
        self._run("drop", claim.token)

    def break_it(self, holder: Holder) -> None:
        """Remove the file if it is still the one that was seen."""
        now = self.holder()
        if now is not None and now.version == holder.version:
            self._run("drop", "" if now.claim is None else now.claim.token)

    def _run(self, verb: str, token: str, *, stdin: bytes = b"") -> Completed:
        ended = self._ports.shell(self._host).run(("sh", "-c", _SCRIPT, "sh", self._file, verb, token), stdin=stdin)
        if ended.exit_code not in (0, _ABSENT, _TAKEN):
            said = ended.stderr.decode(errors="replace").strip()
            raise CommandError(self._host, f"cannot {verb} the lock file (exit {ended.exit_code}): {said}")
        return ended


def _lock_among(configs: Iterable[Config]) -> Config | None:
    return next((one for one in configs if one.spec.name == LOCK_NAME), None)


def _claim(text: str) -> Claim | None:
    try:
        return Claim.model_validate_json(text)
    except ValidationError:
        return None


def _seconds(now: datetime, written: str) -> float:
    """Return the seconds since a time that was written; infinity where it is none, or not one of a calendar's zones."""
    try:
        return (now - datetime.fromisoformat(written)).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return float("inf")
