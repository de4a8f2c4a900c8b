"""Causes: pure steps that explain failed scenarios. One verdict for each cause."""
