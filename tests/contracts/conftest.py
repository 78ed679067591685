# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the contract lanes need before anything else: programs on the path, and web3 imported once without its warning."""

import importlib
import os
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from greencore.embedded.anvil import binary
from greencore.embedded.ports import free_ports

# The compiler beside this Python, anvil from its npm package.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), str(binary().parent), os.environ["PATH"]))

with warnings.catch_warnings():
    # web3 imports a part of websockets that is deprecated; here warnings are errors.
    warnings.simplefilter("ignore", DeprecationWarning)
    import web3  # noqa: F401


def pytest_configure(config: pytest.Config) -> None:
    """Ape's own settings are not ours to mend; every other warning stays an error."""
    config.addinivalue_line("filterwarnings", "ignore:Field 'import_remapping' has an incomplete definition")
    if config.pluginmanager.hasplugin("ape_test"):
        # A port that is free now. Left to itself Ape tries 8545 first, where somebody else's chain may stand.
        foundry: Any = importlib.import_module("ape").config.get_config("foundry")
        foundry.host = f"http://127.0.0.1:{free_ports(1)[0]}"
