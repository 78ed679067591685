# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Simulator → agent → HTTP, at 900 times real time."""


async def test_intervals_arrive_once_and_add_up_to_the_register(make_rig, receiver, eventually):
    rig = make_rig(900)
    rig.simulate({"name": "pv", "profile": "pv", "kind": "pv"}, {"name": "home", "profile": "household"})
    for name in ("pv", "home"):
        rig.agent(name, receiver.books.public_hex, api_url=receiver.url, rated_w=10_000)
    books = receiver.books
    enough = lambda: all(len(books.intervals(station)) >= 12 for station in rig.stations.values())
    await eventually(enough, 40, lambda: rig.log("pv")[-3000:])
    for name, station in rig.stations.items():
        intervals = [signed.interval for signed in books.intervals(station)]
        key = bytes.fromhex(rig.status(name)["public_key"])
        assert all(signed.signed_by(key) for signed in books.intervals(station))
        assert [it.seq for it in intervals] == list(range(1, len(intervals) + 1))
        assert [it.slot for it in intervals] == list(range(intervals[0].slot, intervals[0].slot + len(intervals)))
        assert {it.source for it in intervals} == {"demo"}
        measured = sum(it.quality == "measured" for it in intervals)
        print(name, len(intervals), "measured", measured, rig.status(name))
        for delta, register in (("exportWh", "exportRegisterWh"), ("importWh", "importRegisterWh")):
            counted = sum(it.measures[delta] for it in intervals[1:])
            assert counted == intervals[-1].measures[register] - intervals[0].measures[register]
        assert sum(it.meter_uwh for it in intervals) == sum(
            it.measures["exportWh"] - it.measures["importWh"] for it in intervals
        )
    assert books.conflicts == 0
