"""The REST API, version 4: routes of the same kind as the formats'."""
