"""Backups as files: keys, seals, signatures and the repository."""
