"""Ratios: this way against that way, on the same machine, in the same run."""
