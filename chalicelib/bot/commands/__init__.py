"""The commands, one file a topic. Importing this package declares them all."""

from chalicelib.bot.commands import help, people, records, sources, sync  # noqa: F401 - imported to declare
