"""Simulated vendor workspaces, for tests, benchmarks and the demo.

Written from the vendors' contracts and from nothing else: the lab must be able to disagree with a client. What every
vendor shares (company, clock, limits, faults, transport, server) lives here; a vendor has a folder.
"""
