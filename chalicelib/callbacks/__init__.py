"""The doors for what vendors push."""
