"""swarmnet: bootstrap, prove and recover Docker Swarm networks over SSH."""
