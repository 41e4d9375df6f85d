"""The calibration paper: one file a figure or table."""
