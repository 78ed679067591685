# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The deployment's configuration: what the contracts would refuse is refused before gas is spent, with the field's name."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts._house import BadConfig, Config

DEVELOPMENT = Path(__file__).parents[4] / "scripts" / "development.yaml"


def test_load__development() -> None:
    """The example is valid, and its signers come out in the order that the Oracle wants."""
    config = Config.load(DEVELOPMENT)

    assert config.k == 3
    assert [int(signer, 16) for signer in config.signers] == sorted(int(signer, 16) for signer in config.signers)
    assert config.utilities == {1: "claimed"}
    assert config.public()["utilities"] == {"1": "claimed"}


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("live", "no", "live"),
        ("reserve_bps", 99, "reserve_bps"),
        ("k", 2, "k: more than"),
        ("k", 5, "k: more than"),
        ("faulty", 2, "k: more than"),
        ("signers", [], "signers"),
        ("signers", ["0x70997970C51812dc3A010C7d01b50e0d17dc79C8"] * 4, "stands twice"),
        ("signers", ["0x" + "0" * 40], "not an address"),
        ("beneficiary", "0x1234", "beneficiary"),
        ("utilities", {10: "claimed"}, "codes are 1 to 9"),
        ("utilities", {1: "given away"}, "modes are"),
        ("base_uri", "x" * 81, "base_uri"),
        ("surprise", 1, "surprise"),
    ],
)
def test_load__bad_field__is_named(tmp_path: Path, field: str, value: Any, message: str) -> None:
    """One wrong field, one message."""
    made = yaml.safe_load(DEVELOPMENT.read_text())
    made[field] = value
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(made))

    with pytest.raises(BadConfig, match=message):
        Config.load(path)


def test_load__missing__is_named(tmp_path: Path) -> None:
    """No file, a missing field, and something that is no mapping."""
    with pytest.raises(BadConfig):
        Config.load(tmp_path / "none.yaml")
    path = tmp_path / "config.yaml"
    made = yaml.safe_load(DEVELOPMENT.read_text())
    del made["guardians"]
    path.write_text(yaml.safe_dump(made))
    with pytest.raises(BadConfig, match="guardians"):
        Config.load(path)
    path.write_text("[]")
    with pytest.raises(BadConfig):
        Config.load(path)
