# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An agent that is killed and finds its buffer damaged: it goes on, and what it had built arrives under the old signatures."""

from edge.buffer.salvage import declared


async def test_an_agent_goes_on_from_a_damaged_buffer_and_everything_arrives(make_rig, receiver, eventually):
    books, rig = receiver.books, make_rig(900)
    receiver.fault = lambda _payload: (503, b"")
    rig.simulate({"name": "home", "profile": "household"})
    agent = rig.agent("home", books.public_hex, api_url=receiver.url)
    station, folder = rig.stations["home"], rig.folder / "home"
    tail = lambda: rig.log("home")[-4000:]  # noqa: E731
    await eventually(lambda: rig.status("home").get("built", 0) >= 5, 40, tail)
    agent.kill()
    agent.wait()
    built = rig.status("home")["built"]
    # the first page alone would be healed by the log, which holds a newer one: its header is spoiled too
    for name, size in (("buffer.sqlite", 4096), ("buffer.sqlite-wal", 32)):
        with (folder / name).open("r+b") as file:
            file.write(b"\x5a" * size)
    receiver.fault = lambda _payload: None
    rig.agent("home", books.public_hex, api_url=receiver.url)
    await eventually(lambda: len(books.intervals(station)) >= built + 3, 40, tail)
    seqs = [signed.interval.seq for signed in books.intervals(station)]
    (incident,) = declared(folder)
    gone = {seq for first, last in incident.lost for seq in range(first, last + 1)}
    assert incident.salvaged >= built - len(gone)
    assert sorted({*seqs, *gone}) == list(range(1, max(seqs) + 1))
    assert incident.lost == []  # known by their signatures, in the log's pages
    assert books.conflicts == 0
    assert "buffer-damaged-" in rig.status("home")["buffers_put_aside"][0]
    assert (folder / incident.file).read_bytes()[:4] == b"\x5a" * 4
