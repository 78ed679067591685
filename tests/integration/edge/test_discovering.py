# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""An agent whose map is `sunspec`: the device is asked for its registers, and again when it is another device."""

import itertools
import json


async def test_a_device_says_where_its_registers_are_and_may_be_exchanged(make_rig, receiver, eventually):
    rig, books = make_rig(600), receiver.books
    rig.simulate({"name": "pv", "profile": "household", "map": "sunspec:103,203"})
    rig.pause_meter()  # the agent starts first and has to wait
    rig.agent("pv", books.public_hex, api_url=receiver.url, rated_w=10_000, load_w=30_000, map="sunspec")
    why = lambda: (rig.status("pv"), rig.log("pv")[-3000:])  # noqa: E731
    await eventually(lambda: "unreachable" in (rig.status("pv").get("meter_error") or ""), 20, why)
    rig.restart_simulator()
    station = rig.stations["pv"]
    await eventually(lambda: len(books.intervals(station)) >= 2, 30, why)
    assert rig.status("pv")["meter_error"] is None
    before = len(books.intervals(station))

    rig.pause_meter()
    path = rig.folder / "stations.json"
    config = json.loads(path.read_text())
    config["stations"][0]["map"] = "sunspec:203,103"
    path.write_text(json.dumps(config))
    rig.restart_simulator()
    await eventually(lambda: len(books.intervals(station)) >= before + 2, 30, why)
    assert "device_changed" in rig.log("pv")
    intervals = [signed.interval for signed in books.intervals(station)]
    assert all({"exportWh", "importWh"} & it.measures.keys() for it in intervals)
    for earlier, later in itertools.pairwise(intervals):
        for delta, register in (("exportWh", "exportRegisterWh"), ("importWh", "importRegisterWh")):
            if delta in later.measures and register in earlier.measures:
                assert later.measures[register] - later.measures[delta] >= earlier.measures[register]
