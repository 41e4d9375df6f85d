"""The documentation, and what builds it (`docs.builder`)."""
