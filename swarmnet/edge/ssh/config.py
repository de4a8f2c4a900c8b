"""``~/.ssh/config`` as ssh reads it: scopes of ``Host``, ``Match`` and ``Include``, the first value wins.

ssh's own answer, ``ssh -G HOST``, judges this in the tests. It is not asked at run time: it prints files with blanks in
their names so that they cannot be distinguished, names no lines, and costs a process for each host.
"""

from __future__ import annotations

import glob
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.edge.operator.files import expanded
from swarmnet.edge.operator.owned_files import check_config
from swarmnet.edge.ssh.canonical import Canonical, resolve_name
from swarmnet.edge.ssh.criteria import Asked, Case
from swarmnet.edge.ssh.options import HARMLESS, HONOURED, LISTS, NOT_HONOURED, STACKED, TIMES
from swarmnet.edge.ssh.patterns import matches, matches_list
from swarmnet.edge.ssh.words import Directive, expand, expand_variables, read_directives
from swarmnet.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from swarmnet.edge.ssh.canonical import Resolve
    from swarmnet.edge.ssh.criteria import Criteria
    from swarmnet.edge.ssh.words import Place

SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
MOST_INCLUDES = 16


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file to read, and the rules for it."""

    path: Path
    anchor: Path
    """Where relative ``Include``s begin."""
    checked: bool
    """Whether others may not write it: ssh asks this of ``~/.ssh/config`` and of everything included."""
    required: bool = False


@dataclass(slots=True)
class Options:
    """What the files say about one host: for each keyword the lines that count, in order."""

    found: dict[str, list[Directive]] = field(default_factory=dict)

    def get(self, keyword: str) -> Directive | None:
        """Return the line that gives an option its value."""
        lines = self.found.get(keyword)
        return lines[0] if lines else None

    def all(self, keyword: str) -> Sequence[Directive]:
        """Return the lines of an option that may be given several times."""
        return self.found.get(keyword, ())

    def take(self, line: Directive) -> None:
        """Take a line in, unless an earlier one has decided."""
        keyword = line.keyword
        if keyword in STACKED:
            self.found.setdefault(keyword, []).append(line)
        elif keyword in ("proxyjump", "proxycommand"):
            if not self._way_is_set(keyword):
                self.found[keyword] = [line]
        elif keyword not in TIMES or line.words[0] != "none":  # which leaves the option open
            self.found.setdefault(keyword, [line])

    def _way_is_set(self, keyword: str) -> bool:
        """Return whether the way is decided: of ProxyJump and ProxyCommand the first counts (``parse_jump``)."""
        jump = self.get("proxyjump")
        if keyword == "proxyjump":
            return jump is not None or "proxycommand" in self.found
        # "ProxyJump none" leaves room for a command.
        return "proxycommand" in self.found or (jump is not None and jump.rest.lower() != "none")


class SSHConfig:
    """Some ssh_config files, read once; :attr:`warnings` grows while hosts are looked up."""

    def __init__(self, files: Iterable[ConfigFile], criteria: Criteria, resolve: Resolve = resolve_name) -> None:
        self._files = tuple(files)
        self._resolve = resolve
        self._criteria = criteria
        self._read: dict[Path, tuple[Directive, ...] | None] = {}
        self._warned: dict[Place, Problem] = {}

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What the files ask for and swarmnet does not do: one for each line."""
        return tuple(self._warned.values())

    def look_up(
        self, host: str, *, user: str | None = None, port: int | None = None, proxied: bool = False
    ) -> tuple[Options, str]:
        """Return the options for a host and the name to connect to.

        Args:
            host: the name in the inventory.
            user: the inventory's user, which the files cannot change.
            port: the inventory's port, as well.
            proxied: whether the inventory sends the connection through a jump host.

        Raises:
            UsageError: a file cannot be read, others may write it, a line is wrong, or the name has to be a full one
                (``CanonicalizeHostname``) and is not.
        """
        walk = _Walk(self, Asked(host, host, user, port))
        for file in self._files:
            walk.file(file)
        name = walk.asked.hostname(walk.options.get("hostname"))
        name = name if ":" in name else name.lower()
        canonical = Canonical(walk.options.found, self._resolve, proxied=proxied)
        name = canonical.name(name)
        if walk.wants_final or canonical.wanted:
            walk.asked = walk.asked.finally_(name)
            for file in self._files:
                walk.file(file)
        self._warn_unused(walk.options)
        return walk.options, name

    def directives(self, file: ConfigFile, included_at: Place | None) -> tuple[Directive, ...]:
        """Return a file's lines; none for a file that is not there and need not be."""
        path = file.path
        if path not in self._read:
            self._read[path] = _read(file, included_at)
        lines = self._read[path]
        if lines is None and file.required:
            raise UsageError(f"cannot read ssh config {path}: No such file or directory")
        return lines or ()

    @property
    def criteria(self) -> Criteria:
        """What answers ``Match``."""
        return self._criteria

    def warn(self, place: Place, text: str) -> None:
        """Keep one warning for a line."""
        self._warned.setdefault(place, Problem(str(place.file), place.line, text))

    def _warn_unused(self, options: Options) -> None:
        ignored = ",".join(word for line in options.all("ignoreunknown") for word in line.words)
        for keyword, lines in options.found.items():
            if keyword in HONOURED or keyword in HARMLESS or matches_list(keyword, ignored.lower()):
                continue
            harmless = NOT_HONOURED.get(keyword)
            for line in lines:
                if harmless is None:
                    self.warn(line.place, f"ssh option {keyword} is not known to swarmnet and is passed over")
                elif not line.words or line.words[0].lower() not in harmless:
                    self.warn(line.place, f"swarmnet does not honour the ssh option {keyword}")


class _Walk:
    """One reading of the files for one host."""

    def __init__(self, config: SSHConfig, asked: Asked) -> None:
        self._config = config
        self.options = Options()
        self.asked = asked
        self.wants_final = False

    def file(self, file: ConfigFile, *, reached: bool = True, depth: int = 0, included_at: Place | None = None) -> None:
        """Go through a file; ``reached`` False reads it for its errors alone, as ssh does."""
        if depth > MOST_INCLUDES:
            raise UsageError(f"{included_at}: too many files include each other")
        active = reached
        for line in self._config.directives(file, included_at):
            if line.keyword == "host":
                active = reached and self._is_host(line)
            elif line.keyword == "match":
                active = self._is_match(line, reached=reached)
            elif line.keyword == "include":
                for path in self._included(line, file):
                    self.file(
                        ConfigFile(path, file.anchor, checked=True),
                        reached=active,
                        depth=depth + 1,
                        included_at=line.place,
                    )
            else:
                _check(line, self._config.criteria.environment)
                if active:
                    self.options.take(line)

    def _is_host(self, line: Directive) -> bool:
        taken = False
        for pattern in line.words:
            if not pattern:
                raise line.place.error("host has an empty pattern")
            if matches(self.asked.host, pattern.removeprefix("!")):
                if pattern.startswith("!"):
                    return False
                taken = True
        return taken

    def _is_match(self, line: Directive, *, reached: bool) -> bool:
        verdict = self._config.criteria.judge(Case(line, self.asked, self.options.found), reached=reached)
        self.wants_final = self.wants_final or verdict.wants_final
        if verdict.warning and reached:
            self._config.warn(line.place, verdict.warning)
        return reached and verdict.applies

    def _included(self, line: Directive, file: ConfigFile) -> list[Path]:
        found: list[Path] = []
        for word in line.words:
            if not word:
                raise line.place.error("include has an empty argument")
            try:
                pattern = expanded(self._expanded(word, line))
            except UsageError as error:  # ssh says so and goes on
                self._config.warn(line.place, f"include {word} is passed over: {error}")
                continue
            whole = pattern if pattern.is_absolute() else file.anchor / pattern
            found += [Path(name) for name in sorted(glob.glob(str(whole)))]  # noqa: PTH207 - Path.glob takes no absolute patterns
        return found

    def _expanded(self, word: str, line: Directive) -> str:
        criteria = self._config.criteria
        tokens = criteria.tokens(Case(line, self.asked, self.options.found))
        return expand(word, tokens, line.place, environment=criteria.environment)


def _check(line: Directive, environment: Mapping[str, str]) -> None:
    """Refuse a line whose value ssh refuses in any block, for the options that swarmnet honours."""
    reader = HONOURED.get(line.keyword)
    if reader is not None:
        reader(line)
        if line.keyword not in LISTS and len(line.words) > 1:
            raise line.place.error(f"{line.keyword} has more than one value")
    if line.keyword == "identityagent":
        expand_variables(line.first, line.place, environment)


def _read(file: ConfigFile, included_at: Place | None) -> tuple[Directive, ...] | None:
    try:
        content = check_config(file.path) if file.checked else file.path.read_bytes()
        return read_directives(file.path, content.decode("utf-8", "surrogateescape"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if included_at and isinstance(error, IsADirectoryError):
            return None  # as ssh reads it: a pattern such as config.d/* may meet a directory
        place = f", included at {included_at}" if included_at else ""
        raise UsageError(f"cannot read ssh config {file.path}{place}: {error.strerror}") from None


def config_files(named: str | None, environment: Mapping[str, str]) -> tuple[ConfigFile, ...]:
    """Return the files to read: the one that the inventory names alone (``ssh -F``), else the user's and the system's.

    Args:
        named: the inventory's ``ssh.config``; an empty string means none at all.
        environment: where ``HOME`` comes from.
    """
    home = Path(environment.get("HOME") or Path.home()) / ".ssh"
    if named is not None:
        path = expanded(named)
        return (ConfigFile(path, home, checked=True, required=True),) if named else ()
    system = ConfigFile(SYSTEM_CONFIG, SYSTEM_CONFIG.parent, checked=False)
    return (ConfigFile(home / "config", home, checked=True), system)
