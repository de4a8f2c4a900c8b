"""``swarm`` and ``node``: the cluster and its members."""
