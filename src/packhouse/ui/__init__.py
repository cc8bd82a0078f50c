"""The pages: facts, files and snippets of any format, without knowing it."""
