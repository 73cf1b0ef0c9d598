"""The engine: asks for syncs, runs them in slices, and writes nothing but through the one pipeline."""
