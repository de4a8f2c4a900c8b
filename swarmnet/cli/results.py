"""Results of verify that are read again: from a file that was named, or from those that were kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from swarmnet.errors import UsageError

if TYPE_CHECKING:
    from swarmnet.edge.operator.history import History
    from swarmnet.report.documents.verify import VerifyDocument

LAST = "last"
"""What means the newest result that is kept."""


def history_of(cluster: str) -> History:
    """Return the results of a cluster that this user keeps."""
    from platformdirs import user_state_path

    from swarmnet.edge.backups.repository import slug
    from swarmnet.edge.operator.history import History

    return History(user_state_path("swarmnet", appauthor=False) / "verify" / slug(cluster))


def result(word: str, cluster: str, *, option: str) -> VerifyDocument:
    """Return an earlier result: ``last``, a run that is kept, or a file.

    Raises:
        UsageError: there is none, it cannot be read, or it is another cluster's.
    """
    history = history_of(cluster)
    newest = history.files()[:1] if word == LAST else ()
    path = newest[0] if newest else history.find(word) or Path(word)
    if word == LAST and not newest:
        raise UsageError(
            f"{option} {word}: no result of cluster {cluster} is kept", hint="keep one first: swarmnet verify --save"
        )
    return read(path, cluster, what=f"{option} {word}")


def read(path: Path, cluster: str, *, what: str) -> VerifyDocument:
    """Return the result of an earlier run of a cluster.

    Raises:
        UsageError: the file cannot be read, is not such a result, or is another cluster's.
    """
    from pydantic import ValidationError

    from swarmnet.edge.operator.history import read_result
    from swarmnet.report.documents.verify import VerifyDocument

    try:
        found = VerifyDocument.model_validate_json(read_result(path))
    except ValidationError:
        raise UsageError(
            f"{what}: it is not a result of verify",
            hint="write one with this version: swarmnet verify ... --format json=FILE, or --save",
        ) from None
    if found.cluster != cluster:
        raise UsageError(
            f"{what}: it is a result of cluster {found.cluster}, not of {cluster}",
            hint="give a result of the same cluster",
        )
    return found
