"""The third chat: `rollcall ...` in a shell. The commands of `bot`, rendered with colour and progress."""
