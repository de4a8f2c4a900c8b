"""The command line: wiring, options, and the one place that prints errors."""
