"""Sources that are set up wrongly, one thing at a time, against simulated vendors; `python -m tests.misconfigured`."""
