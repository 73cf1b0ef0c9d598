"""The life of a source."""
