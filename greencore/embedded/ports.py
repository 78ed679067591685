# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""TCP ports on this machine's own interface."""

import random
import socket
import urllib.request
from contextlib import ExitStack

HOST = "127.0.0.1"
_PORTS = range(20_000, 32_768)  # above the well-known ones, below what Linux and macOS lend to outgoing connections
_random = random.SystemRandom()
# urllib would send requests to this machine through a proxy that the environment names
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on now, none of them one that the system lends to outgoing connections.

    Between the choice and the use seconds pass; a port of the system's own range may be lent away until then.
    """
    with ExitStack() as held:
        chosen: list[int] = []
        for port in _random.sample(_PORTS, len(_PORTS)):
            made = held.enter_context(socket.socket())
            try:
                made.bind((HOST, port))
            except OSError:
                continue
            chosen.append(port)
            if len(chosen) == count:
                return chosen
    raise OSError(f"fewer than {count} ports from {_PORTS[0]} to {_PORTS[-1]} are free")


def is_free(port: int) -> bool:
    """Whether we could listen on a port now. A port that only waits out its last connections counts as free."""
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HOST, port))
        except OSError:
            return False
        return True


def listens(port: int) -> bool:
    """Whether somebody listens on a port."""
    with socket.socket() as made:
        made.settimeout(0.2)
        return made.connect_ex((HOST, port)) == 0
