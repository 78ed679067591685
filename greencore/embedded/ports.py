# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""TCP ports on this machine's own interface."""

import socket
import urllib.request

HOST = "127.0.0.1"
# urllib would send requests to this machine through a proxy that the environment names
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for made in sockets:
            made.bind((HOST, 0))
        return [int(made.getsockname()[1]) for made in sockets]
    finally:
        for made in sockets:
            made.close()


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
