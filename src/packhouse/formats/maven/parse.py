"""What arrives is read as the Maven 2 layout has it: POMs, uploaded metadata, checksums."""

from packhouse.maven2.poms import Pom, check_declared, read_checksum, read_pom, read_versions

__all__ = ["Pom", "check_declared", "read_checksum", "read_pom", "read_versions"]
