"""A git repository of exports: one commit for each change, none where nothing changed. By the operator's own git."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from swarmnet.edge.operator.children import child_environment
from swarmnet.errors import SwarmnetError, UsageError, cut
from swarmnet.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LIMIT = 120.0
"""Seconds that one command of git may take."""
_NO_NAME = ("-c", "user.name=swarmnet", "-c", "user.email=swarmnet@localhost")


class GitExports:
    """The exports of clusters in one repository, a folder each. What else is in the repository is left alone."""

    def __init__(self, repository: Path) -> None:
        """Prepare; nothing is written yet.

        Raises:
            UsageError: there is no git, or the folder is not a repository and not empty.
        """
        self._repository = repository
        if shutil.which("git") is None:
            raise UsageError("there is no git on this machine", hint="install git, or leave --git out")
        if repository.is_dir() and any(repository.iterdir()) and not (repository / ".git").exists():
            raise UsageError(
                f"{repository} is not a git repository, and not empty",
                hint="name an empty folder, or run `git init` there",
            )

    def commit(
        self, folder: str, files: Mapping[str, bytes], message: Callable[[Sequence[tuple[str, str]]], str]
    ) -> str | None:
        """Bring a cluster's folder to these files and commit what differs; return the commit, None for no difference.

        A run that was interrupted is finished by the next one.

        Args:
            folder: the cluster's.
            files: all of its files, by path below it.
            message: makes the commit's message of git's letter (A, M, D) and path of each file.

        Raises:
            SwarmnetError: git refuses, or nothing can be written.
        """
        try:
            self._write(folder, files)
        except OSError as error:
            raise SwarmnetError(
                f"cannot write {self._repository / folder}: {error.strerror}",
                hint="make it writable, or free some space",
            ) from error
        self._git("add", "--all", "--", folder)
        listed = self._git("diff", "--cached", "--name-status", "--no-renames", "-z", "--", folder).split("\0")
        changes = [
            (letter, path.removeprefix(f"{folder}/")) for letter, path in zip(listed[::2], listed[1::2], strict=False)
        ]
        if not changes:
            return None
        named = self._git("config", "--get", "user.email", accept=(0, 1)).strip()
        self._git(
            *(() if named else _NO_NAME), "commit", "--quiet", "--only", "--file=-", "--", folder, said=message(changes)
        )
        return self._git("rev-parse", "--short", "HEAD").strip()

    def _write(self, folder: str, files: Mapping[str, bytes]) -> None:
        if not (self._repository / ".git").exists():
            self._repository.mkdir(parents=True, exist_ok=True)
            self._git("init", "--quiet")
        root = self._repository / folder
        if root.is_symlink():
            raise UsageError(f"{root} is a symbolic link; swarmnet does not follow it")
        there = {str(path.relative_to(root)): path for path in root.rglob("*") if path.is_file() or path.is_symlink()}
        for name in there.keys() - files.keys():
            there[name].unlink()
        for name, content in files.items():
            path = root / name
            if path.is_symlink():
                path.unlink()
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content, mode=0o644)

    def _git(self, *words: str, said: str = "", accept: tuple[int, ...] = (0,)) -> str:
        environment = {key: value for key, value in child_environment(os.environ).items() if key[:4] != "GIT_"}
        try:
            done = subprocess.run(
                ["git", "-C", str(self._repository), *words],  # noqa: S607 - the operator's own git
                input=said.encode(),
                capture_output=True,
                check=False,
                timeout=LIMIT,
                env={**environment, "LC_ALL": "C.UTF-8"},
            )
        except subprocess.TimeoutExpired as error:
            raise SwarmnetError(f"git {words[0]} did not end within {LIMIT:g} s", hint="does a hook wait?") from error
        if done.returncode not in accept:
            printed = done.stderr.decode(errors="replace").strip()
            raise SwarmnetError(
                f"git in {self._repository} refuses: {cut(printed)}",
                hint="put that right, then export again: what was written is committed then",
            )
        return done.stdout.decode(errors="replace")
