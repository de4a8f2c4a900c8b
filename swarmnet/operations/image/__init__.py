"""Images of hosts."""
