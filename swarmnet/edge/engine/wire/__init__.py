"""Conversion between the engine's JSON and the model. Pure."""
