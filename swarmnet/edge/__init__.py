"""All input and output: SSH, engines, files, vault, clock. Foreign exceptions end here."""
