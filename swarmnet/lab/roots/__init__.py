"""The cached root file systems of lab hosts, and the engine releases in them."""
