"""The JSON document of a command that ended with an error."""

from __future__ import annotations

from swarmnet.errors import DocumentError, SwarmnetError
from swarmnet.report.documents.base import Entry, Output, Text


class ProblemEntry(Entry):
    """One thing wrong in one place of a file."""

    source: Text
    line: int | None
    column: int | None
    text: Text
    hint: Text | None


class ErrorDocument(Output):
    """What any command prints under ``--json`` when it fails."""

    error: Text
    hint: Text | None
    exit_code: int


class FileErrorDocument(ErrorDocument):
    """What a command prints when a file is wrong."""

    problems: list[ProblemEntry]


def error_document(error: SwarmnetError) -> ErrorDocument:
    """Return an error for programs."""
    text, hint, code = str(error), error.hint, error.exit_code
    if not (isinstance(error, DocumentError) and error.problems):
        return ErrorDocument(schema_=1, error=text, hint=hint, exit_code=code)
    problems = [
        ProblemEntry(source=one.source, line=one.line, column=one.column, text=one.text, hint=one.hint)
        for one in error.problems
    ]
    return FileErrorDocument(schema_=1, error=text, hint=hint, exit_code=code, problems=problems)
