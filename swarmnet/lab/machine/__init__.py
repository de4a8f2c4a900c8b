"""The machine that a lab runs on: programs, processes, control groups, subnets, capabilities."""
