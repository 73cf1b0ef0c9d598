"""The few pages that people open from chat: rendered here, one at a time, working without scripts."""
