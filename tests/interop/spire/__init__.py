"""SPIRE's own programs against the built binary: its servers and agents name the workloads, the instance gives them
certificates."""
