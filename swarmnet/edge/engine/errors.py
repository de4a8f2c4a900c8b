"""The one place where errors of docker-py, requests and urllib3 become ours."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import requests
from urllib3.exceptions import EmptyPoolError, HTTPError, ReadTimeoutError

from swarmnet.edge.engine.client import VersionError
from swarmnet.edge.engine.wire.parts import as_object, as_text
from swarmnet.errors import (
    ConflictError,
    EngineError,
    EngineLostError,
    EngineTimeoutError,
    NotAManagerError,
    NotAttachedError,
    NotFoundError,
    StateChangedError,
    cut,
)
from swarmnet.model.border import border, parsed
from swarmnet.model.sensitive import SENSITIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

# The words of engines 20.10 to 28.5; the status alone does not decide (FailedPrecondition is 400, Unknown is 500).
_NOT_A_MANAGER = re.compile(
    r"not a swarm manager|swarm does not have a leader|needs to be unlocked|not part of a swarm"
    r"|already part of a swarm|participating as a manager|swarm is encrypted"
    r"|cannot create a multi-host network|lost leader status|context deadline exceeded"
    # A manager that passes a request on to a leader that is gone, or stops while it answers.
    r"|rpc error: code = Unavailable|transport is closing|raft is stopped|not yet part of a raft cluster",
    re.IGNORECASE,
)
# A node waits 20 s for its managers (20.10 to 28.5): the first where none answers at all, the second where one did.
# Both say "context deadline exceeded", as a manager without a leader does.
_NOT_ATTACHED = re.compile(
    r"could not attach to network [^:]+: (context deadline exceeded|rpc error: code = (Unavailable|DeadlineExceeded))"
    r"|attaching to network failed",
    re.IGNORECASE,
)
_STALE = re.compile(r"update out of sequence", re.IGNORECASE)
_CONFLICT = re.compile(
    r"already exists|is in use|already in use|active endpoints|is not down|name conflict|already present"
    r"|is being used|being used by",
    re.IGNORECASE,
)
_NOT_FOUND = re.compile(r"rpc error: code = NotFound", re.IGNORECASE)
_FULL = re.compile(r"no space left on device", re.IGNORECASE)
_FULL_HINT = "free some room on that host: df -h /var/lib/docker, docker system df"
_SLOW = "is the host overloaded? see: journalctl -u docker"
_CONFLICT_STATUS = 409
_NOT_FOUND_STATUS = 404
_UNAVAILABLE_STATUS = 503


@contextmanager
def translated(host: str, what: str) -> Iterator[None]:
    """Raise our own errors, and only those, for whatever goes wrong inside.

    The kinds named here are those that need words of their own; the border has one for all others.

    Args:
        host: the host's name in the inventory.
        what: what was tried, for the message: "remove network front".
    """
    begun = time.monotonic()
    with border(host, what, EngineError):
        try:
            yield
        except requests.exceptions.HTTPError as error:
            raise refused(host, what, error.response.status_code, message_in(error.response.content)) from error
        except (requests.exceptions.Timeout, TimeoutError) as error:
            raise _late(host, what, begun) from error
        except VersionError as error:
            raise EngineError(host, str(error), hint="upgrade the engine of this host") from error
        except (requests.exceptions.RequestException, HTTPError, OSError, EOFError) as error:
            if _timed_out(error):
                raise _late(host, what, begun) from error
            hint = "is the engine running? see: systemctl status docker"
            message = f"the connection to the engine broke: {what}: {cut(_innermost(error))}"
            raise EngineLostError(host, message, hint=hint) from error


def _late(host: str, what: str, begun: float) -> EngineTimeoutError:
    """Return the error for an answer that did not come in time, with the seconds that it was waited for."""
    waited = time.monotonic() - begun
    message = f"the engine did not answer in time to: {what} (waited {waited:.0f} s)"
    error = EngineTimeoutError(host, message, hint=_SLOW, brief=f"no answer within {waited:.0f} s to: {what}")
    error.waited = waited
    return error


def message_in(body: bytes) -> str:
    """Return what the engine says in the body of a refusal."""
    text = body.decode(errors="replace").strip()
    try:
        return as_text(as_object(parsed(body)).get("message")).strip() or text
    except ValueError:
        return text


def refused(host: str, what: str, status: int | None, said: str) -> EngineError:
    """Return the error for what an engine said with a status of 400 and more."""
    said = cut(SENSITIVE.masked(said))
    message = f"{what}: {said or f'status {status}'}"
    error = _kind_of(host, message, status=status, said=said)
    error.said = said
    return error


def _kind_of(host: str, message: str, *, status: int | None, said: str) -> EngineError:
    if _STALE.search(said):
        return StateChangedError(host, message, status=status, hint="it changed meanwhile; run again")
    if _NOT_ATTACHED.search(said):
        return NotAttachedError(host, message, status=status)
    if _NOT_A_MANAGER.search(said) or (status == _UNAVAILABLE_STATUS and "swarm" in said.lower()):
        return NotAManagerError(host, message, status=status)
    if status == _NOT_FOUND_STATUS or _NOT_FOUND.search(said):
        return NotFoundError(host, message, status=status)
    if status == _CONFLICT_STATUS or _CONFLICT.search(said):
        return ConflictError(host, message, status=status)
    hint = _FULL_HINT if _FULL.search(said) else None
    return EngineError(host, message, status=status, hint=hint)


def _timed_out(error: Exception) -> bool:
    """Return whether the cause is a time-out: requests wraps those in the middle of an answer and of an empty pool."""
    seen = [error, *error.args]
    return any(isinstance(one, (ReadTimeoutError, EmptyPoolError)) for one in seen)


def _innermost(error: BaseException) -> str:
    """Return the error of the stream itself, out of what requests and urllib3 wrapped around it."""
    inner = next((one for one in error.args if isinstance(one, Exception)), None)
    inner = inner or getattr(error, "reason", None)
    if isinstance(inner, Exception) and inner is not error:
        return _innermost(inner)
    return str(error) or type(error).__name__
