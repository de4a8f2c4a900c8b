"""``swarmnet lab``: its commands, and the options of its faults."""
