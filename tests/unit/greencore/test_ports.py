# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Ports that are still free when they are used."""

import socket
from pathlib import Path

import pytest

from greencore.embedded.ports import HOST, free_ports, is_free

_LENT = Path("/proc/sys/net/ipv4/ip_local_port_range")


def test_ports_are_different_free_and_nobody_elses_by_then() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(is_free(port) for port in ports)
    if _LENT.exists():
        first, last = map(int, _LENT.read_text().split())
        if first == 32_768:  # as Linux has it; another setting is its owner's
            assert not any(first <= port <= last for port in ports)


def test_a_port_in_use_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    (taken, other) = free_ports(2)
    monkeypatch.setattr("greencore.embedded.ports._PORTS", [taken, other])
    with socket.socket() as somebody:
        somebody.bind((HOST, taken))
        assert free_ports(1) == [other]
