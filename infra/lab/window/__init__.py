"""The chat window: a page on which a newcomer talks to the bot in simulated workspaces, the directory beside it."""

from infra.lab.window.window import Place, Window

__all__ = ["Place", "Window"]
