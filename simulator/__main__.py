# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m simulator --config FILE`; exit code 2 and a message if the configuration or a profile cannot be used."""

import argparse
import asyncio
import sys
from pathlib import Path

from simulator.encode import EncodeError
from simulator.profile import ProfileError
from simulator.server import ConfigError, main

parser = argparse.ArgumentParser(prog="simulator", description="Stations as real Modbus TCP servers.")
parser.add_argument("--config", type=Path, required=True, help="JSON; see docs/edge.md")

if __name__ == "__main__":
    try:
        asyncio.run(main(parser.parse_args().config))
    except (ConfigError, ProfileError, EncodeError) as error:
        print(f"simulator: {error}", file=sys.stderr)
        sys.exit(2)
