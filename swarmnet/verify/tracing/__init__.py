"""``trace``: why does A not reach B. The same questions as verify asks, for one pair, layer by layer."""
