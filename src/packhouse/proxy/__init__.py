"""The dependency proxy of a group: an upstream container registry, kept as far as somebody has pulled from it."""
