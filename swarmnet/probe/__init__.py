"""What runs inside containers on the hosts; standard library only."""
