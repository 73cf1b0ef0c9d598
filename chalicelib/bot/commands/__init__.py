"""The commands, one file a topic. Importing this package declares them, in the order in which `help` lists them."""

from chalicelib.bot.commands import (  # noqa: F401, I001 - imported to declare, in this order
    help,
    menu,
    setup,
    sources,
    examine,
    schedule,
    scope,
    budget,
    mapping,
    sync,
    records,
    people,
    linking,
    why,
    admins,
    notify,
    life,
    confirm,
)
