"""A backup as readable text, for review and for git, without secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from swarmnet.model.backup import BackupDocument, dump, strict_json
from swarmnet.model.redaction import content

if TYPE_CHECKING:
    from swarmnet.model.base import JsonObject
    from swarmnet.model.redaction import Cover


def redacted(document: BackupDocument, cover: Cover) -> JsonObject:
    """Return the document as JSON without the data of configs and files: it has their lengths and digests instead.

    Which other values are hidden, ``cover`` says.
    """
    tree: Any = strict_json(dump(document))
    for config, original in zip(tree["state"]["configs"], document.state.configs, strict=True):
        config["spec"]["data"] = content(original.spec.data)
    if document.sources is not None:
        for file, one in zip(tree["sources"]["files"], document.sources.files, strict=True):
            file["content"] = content(one.content)
    return cover.document(BackupDocument, tree)
