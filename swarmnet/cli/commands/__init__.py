"""The commands of ``swarmnet``, one module each."""
