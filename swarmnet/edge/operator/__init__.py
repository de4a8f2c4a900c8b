"""The operator's own machine: files, secrets, contents, clock, the image of the probe."""
