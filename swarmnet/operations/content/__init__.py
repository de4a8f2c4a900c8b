"""``config`` and ``secret``: named contents that services read."""
