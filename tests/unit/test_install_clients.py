"""Which programs of this machine the script that installs clients takes for good enough."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "install-clients"


@pytest.mark.parametrize(
    ("told", "taken"),
    [
        ("cargo 0.66.0", False),
        ("cargo 1.70.0 (ec8a8a0ca 2023-04-25)", False),
        ("cargo 1.73.9", False),
        ("cargo 1.74.0 (ecb9851af 2023-10-18)", True),
        ("cargo 1.100.0", True),
        ("", False),
    ],
)
def test_a_cargo_knows_tokens_of_sparse_indexes(tmp_path: Path, told: str, taken: bool) -> None:
    """Debian's old Cargo would count as installed, and every test that drives it would fail."""
    cargo = tmp_path / "cargo"
    cargo.write_text(f"#!/bin/sh\n[ -n '{told}' ] || exit 1\necho '{told}'\n")
    cargo.chmod(0o700)
    function = re.search(r"^new_cargo\(\) \{.*?^\}", SCRIPT.read_text(), re.DOTALL | re.MULTILINE)
    assert function is not None
    script = f'set -euo pipefail\n{function[0]}\nnew_cargo "$1" || exit 3'
    assert subprocess.run(["bash", "-c", script, "bash", str(cargo)], check=False).returncode == (0 if taken else 3)
