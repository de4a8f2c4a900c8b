"""Who hears of a scheduled run: a URL, a command, a file for Prometheus. None of them can fail or delay a backup.

URLs of monitoring services are secrets: anyone who knows one can report a success. Messages name their origin only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from swarmnet.edge.operator.children import child_environment
from swarmnet.errors import UsageError
from swarmnet.files import write_atomically
from swarmnet.model.exposition import Gauge, exposition
from swarmnet.model.schedule import overview

if TYPE_CHECKING:
    from pathlib import Path

    from swarmnet.model.base import Secret
    from swarmnet.model.schedule import RunRecord, Schedule

PING_LIMIT = 10.0
"""Seconds for one ping, from the look-up of the name to the answer."""
COMMAND_LIMIT = 60.0
"""Seconds for the command that runs after a failure."""
LARGEST_BODY = 10_000
"""Bytes of the last lines that a ping carries: what healthchecks keeps at least."""


def origin(url: str) -> str:
    """Return what may be shown of a URL: its scheme and host.

    Raises:
        UsageError: it is not an HTTP URL.
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        raise UsageError("--ping-url: it is not a URL", hint="https://HOST/UUID, as the service shows it") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "--ping-url: it is not an http or https URL", hint="https://HOST/UUID, as the service shows it"
        )
    return f"{parts.scheme}://{parts.hostname}{port}"


@dataclass(frozen=True, slots=True)
class Ping:
    """A URL as healthchecks and its relatives have it: ``/start`` before it, ``/fail`` after a failure."""

    url: Secret
    limit: float = PING_LIMIT

    def started(self) -> str | None:
        """Say that a run began."""
        return self._post("/start", b"")

    def ended(self, _schedule: Schedule, run: RunRecord) -> str | None:
        """Say how it ended, with its last lines; a run that is soon repeated is only logged."""
        ending = "/log" if run.soft else "/fail" if run.exit_code else ""
        return self._post(ending, "\n".join(run.lines).encode(errors="replace")[-LARGEST_BODY:])

    def _post(self, ending: str, body: bytes) -> str | None:
        """Send it from a thread of its own: a server that answers byte by byte keeps no run from ending."""
        said: list[str] = []
        url = self.url.reveal().decode()
        thread = threading.Thread(target=_send, args=(_with_path(url, ending), body, said), daemon=True)
        thread.start()
        thread.join(self.limit)
        if thread.is_alive():
            return f"the ping to {origin(url)} had no answer within {self.limit:g} s"
        return f"the ping to {origin(url)} failed: {said[0]}" if said else None


def _with_path(url: str, ending: str) -> str:
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + ending).geturl()


def _send(url: str, body: bytes, said: list[str]) -> None:
    """Post, and say in words without the URL what went wrong."""
    try:
        with requests.post(url, data=body, timeout=PING_LIMIT, stream=True) as answer:
            if not answer.ok:
                said.append(f"it answered {answer.status_code}")
    except requests.exceptions.SSLError:
        said.append("its certificate is not accepted")
    except requests.exceptions.Timeout:
        said.append("no answer in time")
    except (requests.exceptions.RequestException, ValueError) as error:  # their text holds the URL
        said.append(f"it cannot be reached ({type(error).__name__})")


@dataclass(frozen=True, slots=True)
class FailureCommand:
    """A command that runs after a failure; its stdin has the lines of the run."""

    argv: tuple[str, ...]
    cluster: str
    limit: float = COMMAND_LIMIT

    def started(self) -> str | None:
        """Do nothing."""

    def ended(self, _schedule: Schedule, run: RunRecord) -> str | None:
        """Run it if the run failed for good; it and its children are ended after the limit."""
        if not run.exit_code or run.soft:
            return None
        environment = {**child_environment(os.environ), **overview(run), "CLUSTER": self.cluster}
        try:
            process = subprocess.Popen(
                self.argv, stdin=subprocess.PIPE, stdout=2, start_new_session=True, env=environment
            )
        except (OSError, ValueError) as error:
            return f"the command after a failure cannot be started: {error}"
        with process:
            try:
                process.communicate("".join(f"{line}\n" for line in run.lines).encode(errors="replace"), self.limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return f"the command after a failure did not end within {self.limit:g} s; it was ended"
        return f"the command after a failure ended with {process.returncode}" if process.returncode else None


@dataclass(frozen=True, slots=True)
class MetricsFile:
    """A file for the textfile collector of Prometheus' node exporter, replaced as a whole."""

    path: Path

    def started(self) -> str | None:
        """Do nothing."""

    def ended(self, schedule: Schedule, run: RunRecord) -> str | None:
        """Write how the last run ended."""
        try:
            write_atomically(self.path, metrics(schedule, run).encode(), mode=0o644)
        except OSError as error:
            return f"cannot write the metrics {self.path}: {error.strerror}"
        return None


def metrics(schedule: Schedule, run: RunRecord) -> str:
    """Return a run in the text format of Prometheus: gauges in base units, with the cluster as a label."""
    cluster = (("cluster", schedule.cluster),)
    ended = run.started.timestamp() + run.seconds
    newest = None if run.newest is None else run.newest.timestamp()
    single: tuple[tuple[str, str, float | None], ...] = (
        ("last_run_timestamp_seconds", "When the last scheduled run began.", run.started.timestamp()),
        ("duration_seconds", "How long the last scheduled run took.", run.seconds),
        ("exit_code", "How the last scheduled run ended; 0 is well.", run.exit_code),
        ("newest_timestamp_seconds", "When the newest complete backup was taken.", newest),
        ("age_seconds", "How old it was when this file was written.", None if newest is None else ended - newest),
        ("max_age_seconds", "How old it may be.", schedule.max_age),
        ("size_bytes", "Size of the backup of the last run.", run.size if run.backup else None),
        ("drift_objects", "Objects that differ from the backup before.", run.drift),
    )
    gauges = [
        Gauge(f"swarmnet_backup_{name}", text, ((cluster, value),)) for name, text, value in single if value is not None
    ]
    objects = tuple(((*cluster, ("kind", kind)), float(count)) for kind, count in run.objects.items())
    gauges.append(Gauge("swarmnet_backup_objects", "Objects that the backup holds, by kind.", objects))
    return exposition(gauges)
