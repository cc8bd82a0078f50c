"""Names and versions are those of the Maven 2 layout."""

from packhouse.maven2.names import is_prerelease, name_key, state_of, version_id, version_key

__all__ = ["is_prerelease", "name_key", "state_of", "version_id", "version_key"]
