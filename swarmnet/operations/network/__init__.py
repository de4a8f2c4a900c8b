"""``network``: overlays of the swarm, and local networks of hosts."""
