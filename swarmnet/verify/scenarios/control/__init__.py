"""Scenarios of the control plane: judged from the observation alone."""
