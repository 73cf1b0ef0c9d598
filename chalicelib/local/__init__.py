"""One machine as the engine: SQLite, files, an in-process bell. Nothing to install, nothing lost by a kill."""
