"""A simulated Lark (Feishu) workspace and the part of the open platform that reads contacts, as its contract says."""

from infra.lab.lark.api import LarkApi
from infra.lab.lark.choices import Choices
from infra.lab.lark.workspace import LarkWorkspace

__all__ = ["Choices", "LarkApi", "LarkWorkspace"]
