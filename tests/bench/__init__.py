"""``make bench``: swarmnet against Ansible, the usual scripts and the raw Engine API, in one run, as ratios."""
