"""Lets the tests here share `pieces`, and gives generated examples no deadline: the machine may be busy."""

import sys
from pathlib import Path

from hypothesis import settings

sys.path.append(str(Path(__file__).parent))
settings.register_profile("grammar", deadline=None)
settings.load_profile("grammar")
