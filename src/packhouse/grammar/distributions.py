"""What a distribution of packages, its components and its architectures may be called (Debian policy 5.6 and the repository format)."""

from __future__ import annotations

import re

DISTRIBUTION = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.-]{0,99}")
COMPONENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
ARCHITECTURE = re.compile(r"[a-z][a-z0-9-]{0,63}")
