"""What an engineer would write without metastack, written as well as we can."""
