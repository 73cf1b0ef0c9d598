"""Lark and Feishu: one API, two clouds."""
