"""A real S3 server of its own for a test: ``rclone serve s3`` on loopback, over a folder."""

from __future__ import annotations

import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.ports import free_port
from tests.support.waiting import await_from

if TYPE_CHECKING:
    from collections.abc import Iterator

RCLONE = Path(sys.prefix) / "rclone/rclone_api/bin/rclone"
"""Installed by ``make dev``."""
KEY, SECRET = "TESTACCESSKEY0001", "a-secret-key-of-the-tests"
BUCKET = "copies"


class S3Server:
    """One server, with one bucket."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.port = free_port()
        self._options = options
        (folder / "data" / BUCKET).mkdir(parents=True, exist_ok=True)

    @property
    def bucket(self) -> Path:
        """Where the bucket's objects are."""
        return self.folder / "data" / BUCKET

    def environment(self, port: int | None = None) -> dict[str, str]:
        """Return what the environment of a client has; ``port`` is that of something in between."""
        return {
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "HOME": str(self.folder),
        }

    @contextmanager
    def running(self) -> Iterator[S3Server]:
        argv = [str(RCLONE), "serve", "s3", str(self.folder / "data"), "--addr", f"127.0.0.1:{self.port}"]
        # What is changed behind its back, as the tests do, is seen at once.
        argv += ["--auth-key", f"{KEY},{SECRET}", "--config", "", *self._options]
        log = self.folder / "rclone.log"
        with log.open("wb") as file:
            process = subprocess.Popen(argv, stdout=file, stderr=file, stdin=subprocess.DEVNULL)
        try:
            await_from(process, self._answers)
            yield self
        finally:
            process.kill()  # asked to end, it waits for idle connections
            process.wait()

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
