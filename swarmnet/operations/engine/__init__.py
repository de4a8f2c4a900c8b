"""The engine itself, as packages of the host's distribution."""
