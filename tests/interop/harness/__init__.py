"""Drives the real clients against the built binary."""
