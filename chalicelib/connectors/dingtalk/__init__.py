"""DingTalk: one API in two generations, each on a host of its own."""
