"""Drives the real clients, the strangers, against the built binary."""
