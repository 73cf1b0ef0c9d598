"""What Rollcall knows, in plain values and pure functions: no clock, no I/O, standard library only."""
