"""A simulated DingTalk workspace and the part of the open platform that reads contacts, as its contract says."""

from infra.lab.dingtalk.api import DingTalkApi
from infra.lab.dingtalk.choices import Choices
from infra.lab.dingtalk.workspace import DingTalkWorkspace

__all__ = ["Choices", "DingTalkApi", "DingTalkWorkspace"]
