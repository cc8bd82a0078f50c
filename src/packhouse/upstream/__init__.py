"""Remote registries: one guarded client, and what is fetched with it once and kept."""
