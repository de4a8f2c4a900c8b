"""Messages of failed runs to chats, mail and the other services that apprise knows, which is an extra.

apprise runs in a process of its own: a service that hangs, crashes or prints its URL does that there. URLs of services
have tokens and passwords in them, also where others have a host's name, so messages name their scheme alone.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from swarmnet.edge.operator.children import child_environment
from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.model.base import Secret
    from swarmnet.model.schedule import RunRecord, Schedule

CHAT_LIMIT = 60.0
"""Seconds for all services."""
LONGEST_BODY = 4000
"""Characters of the last lines: some services take no more."""
_CHILD = (sys.executable, "-P", "-m", "swarmnet.edge.operator.chat_child")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,19}", re.ASCII)


def scheme(url: str) -> str:
    """Return what may be shown of the URL of a service: its scheme.

    Raises:
        UsageError: it has none.
    """
    word = url.partition("://")[0].lower()
    if "://" not in url or _SCHEME.fullmatch(word) is None:
        raise UsageError("--notify: it is not a URL of a service", hint="for example mailto://USER:PASSWORD@HOST")
    return word


def checked_service(url: str) -> str:
    """Return the URL if apprise is installed and can use it.

    Raises:
        UsageError: it is not; the message holds nothing of the URL.
    """
    scheme(url)
    if find_spec("apprise") is None:
        raise UsageError("--notify needs apprise, which is an extra", hint="pip install 'swarmnet[notify]'")
    answer = _asked([url], "", None, CHAT_LIMIT)
    if answer != [True]:
        problem = answer if isinstance(answer, str) else "apprise cannot use this URL"
        raise UsageError(f"--notify: {problem}", hint="apprise's documentation has the form of each service's URL")
    return url


@dataclass(frozen=True, slots=True)
class ChatNotice:
    """Tells services of a run that failed for good."""

    urls: tuple[Secret, ...]
    limit: float = CHAT_LIMIT

    def started(self) -> str | None:
        """Do nothing."""

    def ended(self, schedule: Schedule, run: RunRecord) -> str | None:
        """Send the last lines if the run failed for good; return which services did not take them."""
        if not run.exit_code or run.soft:
            return None
        urls = [url.reveal().decode() for url in self.urls]
        title = f"swarmnet: the backup of {schedule.cluster} ended with {run.exit_code}"
        answer = _asked(urls, title, "\n".join(run.lines)[-LONGEST_BODY:], self.limit)
        names = [scheme(url) for url in urls]
        if isinstance(answer, str):
            return f"the message to {', '.join(names)} was not sent: {answer}"
        missed = [name for name, is_sent in zip(names, answer, strict=True) if not is_sent]
        return f"the message was not taken by {', '.join(missed)}" if missed else None


def _asked(urls: list[str], title: str, body: str | None, limit: float) -> list[bool] | str:
    """Return what the child found for each URL, or in words why there is no answer."""
    try:
        done = subprocess.run(
            _CHILD,
            input=json.dumps({"urls": urls, "title": title, "body": body}).encode(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=limit,
            check=False,
            env=child_environment(os.environ),
        )
    except subprocess.TimeoutExpired:
        return f"no end within {limit:g} s"
    except OSError as error:
        return f"{sys.executable} cannot be started: {error.strerror}"
    if done.returncode:
        return f"apprise ended with {done.returncode}"
    found: list[bool] = json.loads(done.stdout)
    return found
