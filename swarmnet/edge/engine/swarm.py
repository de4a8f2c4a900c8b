"""A swarm's life cycle, as one engine takes part in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from swarmnet.edge.engine.calls import EngineCalls, Request
from swarmnet.edge.engine.wire.engine import membership_from_wire
from swarmnet.edge.engine.wire.parts import as_object, as_text, index_of
from swarmnet.edge.engine.wire.swarm import swarm_from_wire, swarm_to_wire, updated
from swarmnet.errors import ConvergenceError, EngineError, HostTimeoutError, NotAManagerError, WrongKeyError, cut
from swarmnet.model.base import Secret
from swarmnet.model.border import text_at
from swarmnet.model.clock import look_until, wait_until
from swarmnet.model.hosts import Role
from swarmnet.model.state import SwarmStanding
from swarmnet.model.swarm import Rotation

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.ports import JoinAddress
    from swarmnet.model.state import SwarmMembership
    from swarmnet.model.swarm import Swarm, SwarmSpec

JOIN_TIMEOUT = 45.0
"""Seconds; the engine itself answers after 20 and goes on trying in the background."""
LEAVE_PATIENCE = 10.0
"""Seconds for a manager that began to join raft to be in, or to have given up: the leader tries to reach it for 5."""
_PORT = 2377
_LOOK_EVERY = 0.2
_HALF_INSIDE = (SwarmStanding.PENDING, SwarmStanding.ERROR)
_ROTATED = {
    Rotation.TOKENS: ("rotateWorkerToken", "rotateManagerToken"),
    Rotation.CA: (),
    Rotation.UNLOCK_KEY: ("rotateManagerUnlockKey",),
}
_WRONG_KEY = re.compile(r"invalid key|could not be unlocked|incorrect|failed to decrypt", re.IGNORECASE)
_STILL_STOPS = re.compile(r"context deadline exceeded")
_LEAVE_TRIES = 4


class EngineSwarm(EngineCalls):
    """Create, join, change and leave a swarm."""

    def swarm(self) -> Swarm:
        """Return the swarm; this request fails where lists are silently cut (a worker, no quorum, locked)."""
        return swarm_from_wire(as_object(self.send(Request("look at the swarm", "GET", "/swarm"))))

    def init_swarm(self, spec: SwarmSpec, membership: JoinAddress) -> str:
        """Create a swarm; return the node id."""
        body: JsonObject = {
            **_entry(membership),
            "ForceNewCluster": False,
            "DataPathPort": spec.data_path_port or 0,
            "Spec": swarm_to_wire(spec),
        }
        if spec.default_addr_pool or spec.subnet_size:
            # A size without a pool does nothing; engines from 26.1 on show it, as the docker command always sends it.
            # An empty list is shown otherwise than none.
            body["DefaultAddrPool"] = list(spec.default_addr_pool or ())
            body["SubnetSize"] = spec.subnet_size or 24
        return str(self.send(Request("begin a swarm", "POST", "/swarm/init", body)))

    def recover_swarm(self, membership: JoinAddress) -> None:
        """Begin the swarm of this engine again with itself as the only member of raft; all objects stay.

        The engine answers when it leads (16 s on 26.1), or goes on in the background after 20 s.
        """
        body: JsonObject = {**_entry(membership), "ForceNewCluster": True, "Spec": {}}
        what = "begin its swarm again"
        try:
            self.send(Request(what, "POST", "/swarm/init", body, timeout=JOIN_TIMEOUT))
        except EngineError as error:
            if "continue in the background" not in error.message:
                raise

    def join_token(self, role: Role) -> Secret:
        """Return the token with which a node joins in that role."""
        what = "read a join token"
        with self.asking(what):
            tokens = as_object(as_object(self.send(Request(what, "GET", "/swarm"))).get("JoinTokens"))
            return Secret(text_at(tokens, "Manager" if role is Role.MANAGER else "Worker"))

    def join_swarm(self, membership: JoinAddress, *, remote: str, token: Secret) -> str:
        """Enter a swarm through one manager (engines use only the first of several addresses); return the node id."""
        body: JsonObject = {
            **_entry(membership),
            "RemoteAddrs": [remote],
            "JoinToken": token.reveal().decode(),
        }
        what = f"join the swarm at {remote}"
        try:
            self.send(Request(what, "POST", "/swarm/join", body))
        except HostTimeoutError:
            self._leave_again()
            raise
        except EngineError as error:
            if "continue in the background" not in error.message:
                self._leave_again()
                raise
        return self._wait_active(what, membership)

    def _wait_active(self, what: str, membership: JoinAddress) -> str:
        def look() -> tuple[SwarmMembership | None, str]:
            seen = self._membership()
            if seen.state is SwarmStanding.ERROR:
                raise ConvergenceError(f"{self.host} failed to {what}: {cut(seen.error)}")
            return (seen if seen.state is SwarmStanding.ACTIVE else None), f"{seen.state} {seen.error}".strip()

        try:
            seen = wait_until(self._clock, look, what=f"{self.host} to {what}", timeout=JOIN_TIMEOUT)
        except ConvergenceError:
            late = self._leave_again()
            if late is None:
                raise
            seen = late
        if membership.advertise and seen.address != membership.advertise:
            message = f"{what}: it advertises {seen.address} instead of {membership.advertise}"
            raise EngineError(self.host, message, hint="leave the swarm on this host and join again")
        return seen.node_id

    def _leave_again(self) -> SwarmMembership | None:
        """Undo a join that did not succeed, so that the next try does not find the engine half inside.

        Until it has left, the join may still succeed. A manager then refuses to leave, and stays: by force it would
        leave a dead member of raft behind, and no quorum where it is the second one. Engines whose join hangs, or that
        gave up, leave without force (seen on 20.10, 26.1 and 28.5); one that has begun to join raft does not.

        Returns:
            Its membership if it joined after all, else None.
        """
        seen = self._membership()
        if seen.state in _HALF_INSIDE:
            try:
                self.leave_swarm()
            except NotAManagerError:
                seen = self._decided()
                if seen.state in _HALF_INSIDE:
                    self.leave_swarm(force=True)
            else:
                return None
        return seen if seen.state is SwarmStanding.ACTIVE else None

    def _decided(self) -> SwarmMembership:
        """Return the membership once it is pending no more, or after some time."""
        return look_until(
            self._clock,
            self._membership,
            lambda seen: seen.state is not SwarmStanding.PENDING,
            limit=LEAVE_PATIENCE,
            every=_LOOK_EVERY,
        )

    def _membership(self) -> SwarmMembership:
        info = as_object(self.send(Request("look at the engine", "GET", "/info")))
        return membership_from_wire(as_object(info.get("Swarm")))

    def leave_swarm(self, *, force: bool = False) -> None:
        """Leave the swarm; a manager needs ``force``.

        An engine gives its node 15 s to stop, and then says that the time is over while the node goes on stopping.
        Asked again, it waits again (seen on 26.1, on a busy host).
        """
        request = Request("leave the swarm", "POST", "/swarm/leave", params={"force": str(force).lower()})
        for tries_left in reversed(range(_LEAVE_TRIES)):
            try:
                self.send(request)
            except EngineError as error:
                if not tries_left or _STILL_STOPS.search(error.said) is None:
                    raise
            else:
                return

    def unlock_key(self) -> Secret | None:
        """Return the key that unlocks managers, None when autolock is off."""
        seen = as_object(self.send(Request("read the unlock key", "GET", "/swarm/unlockkey")))
        key = as_text(seen.get("UnlockKey"))
        return Secret(key) if key else None

    def unlock_swarm(self, key: Secret) -> None:
        """Give a locked manager its key; 20.10 to 28.5 answer 500 or 400 "invalid key" to a wrong one."""
        try:
            self.send(Request("unlock", "POST", "/swarm/unlock", {"UnlockKey": key.reveal().decode(errors="replace")}))
        except EngineError as error:
            if _WRONG_KEY.search(error.message) is None:
                raise
            raise WrongKeyError(
                f"{self.host} does not open with this key",
                hint="docker swarm unlock-key on an unlocked manager shows it",
            ) from None

    def update_swarm(self, version: int, spec: SwarmSpec, *, whole: bool = False) -> None:
        """Merge the managed fields into the present spec and write the result; labels are merged.

        ``whole`` writes the labels of ``spec`` as they are.
        """
        what = "update the swarm"
        seen = as_object(self.send(Request(what, "GET", "/swarm")))
        self.check_version(what, seen, version)
        body = updated(as_object(seen.get("Spec")), spec, whole=whole)
        self.send(Request(what, "POST", "/swarm/update", body, {"version": version}))

    def rotate(self, what: Rotation) -> None:
        """Replace tokens, CA or unlock key. The CA has a counter in the spec, the others have parameters."""
        what_for = f"rotate the {what}"
        seen = as_object(self.send(Request(what_for, "GET", "/swarm")))
        body = as_object(seen.get("Spec"))
        params: dict[str, str | int | bool] = {"version": index_of(seen)}
        if what is Rotation.CA:
            settings = as_object(body.get("CAConfig"))
            before = settings.get("ForceRotate")
            count = before + 1 if isinstance(before, int) else 1
            body = {**body, "CAConfig": {**settings, "ForceRotate": count}}
        for name in _ROTATED[what]:
            params[name] = "true"
        self.send(Request(what_for, "POST", "/swarm/update", body, params))


def _entry(membership: JoinAddress) -> JsonObject:
    """Return what init and join have in common; a listener on IPv4's any-address hears no IPv6."""
    body: JsonObject = {
        "ListenAddr": f"[::]:{_PORT}" if ":" in membership.advertise else f"0.0.0.0:{_PORT}",
        "AdvertiseAddr": membership.advertise,
        "DataPathAddr": membership.data_path or "",
    }
    if membership.availability is not None:
        body["Availability"] = membership.availability.value
    return body
