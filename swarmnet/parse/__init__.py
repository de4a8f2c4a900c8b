"""Text to model: pure, and every problem with its place."""
