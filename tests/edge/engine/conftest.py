from __future__ import annotations

from tests.support.talking import engine, talker

__all__ = ["engine", "talker"]
