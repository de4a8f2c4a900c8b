"""The JSON documents that commands print, one model each; :mod:`~swarmnet.report.documents.registry` lists them."""
