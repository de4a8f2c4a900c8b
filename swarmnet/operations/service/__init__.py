"""``service``: tasks that the swarm keeps running."""
