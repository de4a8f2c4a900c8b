"""Decisions about backups: what they hold, how they differ, which are kept, how they come back. Pure."""
