"""What stacks are used for: links, sum rates, channel estimation, classification."""
