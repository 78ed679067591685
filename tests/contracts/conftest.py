# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""What the contract lanes need before anything else: programs on the path, and web3 imported once without its warning."""

import os
import sys
import warnings
from pathlib import Path

import pytest

from greencore.embedded.anvil import binary

# The compiler beside this Python, anvil from its npm package.
os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), str(binary().parent), os.environ["PATH"]))

with warnings.catch_warnings():
    # web3 imports a part of websockets that is deprecated; here warnings are errors.
    warnings.simplefilter("ignore", DeprecationWarning)
    import web3  # noqa: F401


def pytest_configure(config: pytest.Config) -> None:
    """Ape's own settings are not ours to mend; every other warning stays an error."""
    config.addinivalue_line("filterwarnings", "ignore:Field 'import_remapping' has an incomplete definition")
