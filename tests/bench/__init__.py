"""``make bench``: swarmnet beside Ansible, the usual scripts and the raw Engine API, in one run, as ratios."""
