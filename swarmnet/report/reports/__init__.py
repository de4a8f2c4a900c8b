"""Every result that a command reports, ready for any format: one module for each kind of result."""
