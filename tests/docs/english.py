"""Find words that plain technical English has better ones for.

Sentences are read wherever a person meets them: string literals, docstrings, comments, names of tests, and Markdown.
A literal without a space is data, not a sentence; of other names, those that say nothing are found.
``python -m tests.docs.english FOLDER...`` lists what is found there.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Rule:
    """Words to avoid, and what to write instead."""

    pattern: re.Pattern[str]
    advice: str


def _rule(pattern: str, advice: str) -> Rule:
    return Rule(re.compile(pattern, re.IGNORECASE), advice)


RULES = (
    _rule(r"\bshall\b", "should, must, or the present tense"),
    _rule(r"\banew\b", "again, or: recreate, rewrite, retry"),
    _rule(r"(?<!user )\bnobody\b", "no one, no host, no process: name what is missing"),
    _rule(r"\bwhoever\b", "anyone who, any client, the person who"),
    _rule(r"\btells? (?:whether|that|of|if)\b", "return whether, report, show"),
    _rule(r"\btold\b", "reported, shown, described, distinguished"),
    _rule(r"\breturns? that\b", "the fact that, or: return whether"),
    _rule(
        r"(?<!there )(?<!There )\b(?:is|are|was|were) no (?!longer\b|more than\b|less than\b|later than\b|match\b)\w+",
        "is not a ..., does not ..., there is no ...",
    ),
    _rule(r"\b(?:he|his|him)\b(?!')", "the operator, they, their"),
    _rule(r"\bbeside\b", "next to, against, along with, compared with"),
    _rule(r"\b(?:stands?|stood)\b(?!-| (?:for|by|in for|alone|out)\b)", "is, is listed, is written, is stuck"),
    _rule(r"\bsigns? of life\b", "heartbeat"),
    _rule(r"\bspeaks? against\b", "is wrong with, prevents, rules out"),
    _rule(r"\b(?:come|comes|came|coming) true\b", "take effect, converge, is met"),
    _rule(r"\bmend(?:s|ed|ing)?\b", "fix, repair"),
    _rule(r"\bin vain\b", "without success, for nothing"),
    _rule(r"\bthere(?:of|in|by|upon|with)\b|\bwhere(?:of|in|upon|by)\b", "of it, in it, by which"),
    _rule(r"\b(?:hence|thus|lest|whilst|amongst|ought|forth|save for|save on)\b", "so, in order not to, while, among"),
    _rule(r"\bas it (?:should|shall) be\b", "in the desired state, up to date, as requested"),
    _rule(r"\blies? (?:in|at|on|below|under|beneath|there|here|where)\b", "is in, is stored in"),
    _rule(r"\bthe like\b|\bof late\b|\bfor ever\b", "and so on, recently, forever"),
    _rule(r"\bin the moment\b", "while, when, at the time"),
    _rule(r"\bmade (?:good|new)\b", "repaired, recreated"),
    _rule(r"\bexcludes? each other\b", "cannot be combined, conflict"),
    _rule(r"\bgo(?:es)? in a circle\b", "form a loop"),
    _rule(r"\bin the place of\b", "instead of; replaces"),
    _rule(r"\b(?:takes?|took|taking|taken) the place of\b", "replaces"),
    _rule(r"\bat hand\b", "available, here"),
    _rule(r"\bin any case\b", "always, whatever happens; of letters: in upper or lower case"),
    _rule(r"\b(?:any|some|every)body\b", "anyone, someone, everyone, or name what it is"),
    _rule(r"\bbe had\b|\bfor sure\b|\bno telling\b", "be read, be available; certainly; not known"),
    _rule(r"\bto the letter\b|\bforetold\b|\bafresh\b", "exactly; predicted; again"),
    _rule(r"\b(?:come|comes|came|coming) right\b", "recover, succeed"),
    _rule(r"\bthere (?:is|are|was|were) no such\b", "the ... does not exist"),
    _rule(r"\bhand(?:s|ed|ing)? out\b", "yield, return, assign, provide"),
    _rule(r"\bin silence\b", "silently"),
)
"""What the text must not say. The word that a failure advises is a start, not the only choice."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One avoidable word in one place."""

    path: str
    line: int
    words: str
    advice: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: '{self.words}': write {self.advice}"


def findings(path: Path) -> list[Finding]:
    """Return what the rules find in a Python, Markdown, YAML or make file; nothing in files of other kinds."""
    sentences = _SENTENCES.get(path.suffix or path.name)
    if sentences is None:
        return []
    name = path.relative_to(ROOT).as_posix()
    return sorted(
        {
            Finding(name, line + text[: match.start()].count("\n"), match[0], rule.advice)
            for line, text in sentences(path.read_text())
            for rule in RULES
            for match in rule.pattern.finditer(text)
        }
    )


def files(*folders: str) -> list[Path]:
    """Return the files of the repository with sentences in them, below some folders (or files) or everywhere."""
    tops = folders or ("swarmnet", "tests", "docs", "playbooks", "inventories", *_SINGLE_FILES)
    found = (one for top in tops for one in ([ROOT / top] if (ROOT / top).is_file() else (ROOT / top).rglob("*")))
    return sorted(path for path in found if path.is_file() and not _is_exempt(path.resolve()))


_SINGLE_FILES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "Makefile", "pyproject.toml")
# These name the words in order to forbid them.
_OF_THE_RULES = {Path(__file__).resolve(), Path(__file__).resolve().with_name("test_english.py")}


def _is_exempt(path: Path) -> bool:
    return path in _OF_THE_RULES or path.is_relative_to(ROOT / "docs" / "reference")  # made from the code, read there


def of_python(source: str) -> Iterator[tuple[int, str]]:
    """Yield the strings with a space, the comments, and names with a word that says nothing, each with its line."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (one.value if isinstance(one, ast.Constant) else "{}" for one in node.values)
            yield node.lineno, "".join(str(part) for part in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.lineno, node.value
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name.startswith("test_"):
            yield node.lineno, node.name.replace("_", " ")
        else:
            yield from _empty_names(node)
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


_EMPTY = re.compile(r"(?:^|_)told(?:_|$)", re.IGNORECASE)
"""A word of a name that does not say what the value is. Other words to avoid have meanings of their own in names."""


def _empty_names(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the line and the words of a name that a node gives to something."""
    match node:
        case ast.FunctionDef(name=name, lineno=line) | ast.ClassDef(name=name, lineno=line):
            pass
        case ast.arg(arg=name, lineno=line) | ast.Name(id=name, lineno=line, ctx=ast.Store()):
            pass
        case ast.Attribute(attr=name, lineno=line, ctx=ast.Store()):
            pass
        case _:
            return
    if _EMPTY.search(name):
        yield line, name.replace("_", " ")


def _of_markdown(source: str) -> Iterator[tuple[int, str]]:
    """Yield the prose; what stands in backquotes or fences is code."""
    outside = re.sub(r"^```.*?^```", _blank, source, flags=re.DOTALL | re.MULTILINE)
    yield 1, re.sub(r"`[^`\n]+`", "", outside)


def _of_comments(source: str) -> Iterator[tuple[int, str]]:
    """Yield what follows a ``#``: comments of YAML and TOML, help of make."""
    for number, line in enumerate(source.splitlines(), 1):
        _, found, comment = line.partition("#")
        if found:
            yield number, comment


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


_SENTENCES = {
    ".py": of_python,
    ".md": _of_markdown,
    ".yml": _of_comments,
    ".toml": _of_comments,
    "Makefile": _of_comments,
}


if __name__ == "__main__":
    listed = [finding for path in files(*sys.argv[1:]) for finding in findings(path)]
    print(*listed, f"{len(listed)} in all", sep="\n")
