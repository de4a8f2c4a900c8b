"""Named volumes of hosts."""
