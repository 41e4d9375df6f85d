"""The DOA paper: one file a figure or table."""
