# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Simulator → agent → HTTP, hundreds of times faster than life."""

import itertools
import random

SLOT = 900


def add_up(intervals) -> None:
    """What was counted is what the registers moved, over every stretch without a hole; holes are bracketed."""
    for delta, register in (("exportWh", "exportRegisterWh"), ("importWh", "importRegisterWh")):
        for earlier, later in itertools.pairwise(intervals):
            begin = later.measures[register] - later.measures[delta]
            if later.slot == earlier.slot + 1:
                assert begin == earlier.measures[register]
            else:
                assert begin >= earlier.measures[register]
    assert all(it.meter_uwh == it.measures["exportWh"] - it.measures["importWh"] for it in intervals)


async def test_intervals_arrive_once_and_add_up_to_the_register(make_rig, receiver, eventually):
    rig, books = make_rig(900), receiver.books
    rig.simulate(
        {"name": "pv", "profile": "pv", "kind": "pv", "map": "meter-u64-mwh"},
        {"name": "home", "profile": "household", "map": "eastron-sdm630", "import_start_wh": 0, "export_start_wh": 0},
    )
    for name, register_map in (("pv", "meter-u64-mwh"), ("home", "eastron-sdm630")):
        rig.agent(name, books.public_hex, api_url=receiver.url, rated_w=10_000, map=register_map)
    await eventually(
        lambda: all(len(books.intervals(station)) >= 8 for station in rig.stations.values()),
        40,
        lambda: rig.log("pv")[-3000:] + rig.log("home")[-3000:],
    )
    for name, station in rig.stations.items():
        intervals = [signed.interval for signed in books.intervals(station)]
        key = bytes.fromhex(rig.status(name)["public_key"])
        assert all(signed.signed_by(key) for signed in books.intervals(station))
        assert [it.seq for it in intervals] == list(range(1, len(intervals) + 1))
        assert {it.source for it in intervals} == {"demo"}
        assert {it.quality for it in intervals} <= {"measured", "interpolated"}
        add_up(intervals)
    assert books.conflicts == 0


async def test_meter_faults_are_seen_and_cost_no_more_than_their_quarter_hours(make_rig, receiver, eventually):
    rig, books = make_rig(600), receiver.books
    noon = 11 * 3600  # from here the plant of 6 kW is at work
    faults = [
        {"kind": "spike", "at_s": noon + 1 * SLOT + 450, "wh": 500_000},
        {"kind": "gap", "at_s": noon + 3 * SLOT + 100, "duration_s": 2 * SLOT},
        {"kind": "rollover", "at_s": noon + 7 * SLOT + 400},
        {"kind": "frozen", "at_s": noon + 8 * SLOT + 100, "duration_s": SLOT},
        {"kind": "reset", "at_s": noon + 11 * SLOT + 400},
    ]
    rig.simulate({"name": "pv", "profile": "pv", "faults": faults}, skip_s=noon - 4 * SLOT)
    rig.agent("pv", books.public_hex, api_url=receiver.url, rated_w=6000)
    first = (rig.start + noon) // SLOT
    station = rig.stations["pv"]
    await eventually(
        lambda: any(it.interval.slot >= first + 13 for it in books.intervals(station)),
        90,
        lambda: rig.log("pv")[-5000:],
    )
    intervals = {it.interval.slot - first: it.interval for it in books.intervals(station)}
    events = rig.status("pv")["events"]
    assert (events["spike"], events["rollover"]) == (1, 1)
    assert events["reset"] >= 1
    assert all(
        0 <= it.meter_uwh < 6000 * 10**6 // 4 * 5 // 4 for it in intervals.values()
    )  # nothing beyond rated power
    assert {0, 1, 2} <= intervals.keys()
    assert not {3, 4} & intervals.keys()  # the gap: nothing invented, but bracketed
    hole = intervals[6].measures["exportRegisterWh"] - intervals[2].measures["exportRegisterWh"]
    assert 3 * 400 * 10**6 < hole - intervals[6].meter_uwh < 3 * 1500 * 10**6
    assert {6, 7, 8} <= intervals.keys()  # the rollover lies within 7
    assert intervals[8].measures["exportRegisterWh"] > 2**32 * 10**6
    assert 11 not in intervals  # the exchange of the meter
    assert {12, 13} <= intervals.keys()
    assert intervals[13].measures["exportRegisterWh"] < 20_000 * 10**6
    assert sorted(it.seq for it in intervals.values()) == list(range(1, len(intervals) + 1))


async def test_a_server_that_fails_lies_and_forgets_gets_everything_in_the_end(make_rig, receiver, eventually):
    rig, books = make_rig(1800), receiver.books
    rig.simulate({"name": "home", "profile": "household"})
    dice, other = random.Random(7), type(books)()

    def fault(payload: bytes) -> tuple[int, bytes] | None:
        match dice.randrange(8):
            case 0:
                return 503, b"busy"
            case 1:
                return 200, other.take(payload)  # signed by somebody else
            case 2:
                books.take(payload)  # stored, and the answer is lost
                return 500, b""
            case 3:
                return 400, b"unreadable"
            case 4:
                return 200, b"{}"
        return None

    receiver.fault = fault
    rig.agent("home", books.public_hex, api_url=receiver.url)
    station = rig.stations["home"]
    await eventually(lambda: len(books.intervals(station)) >= 16, 40, lambda: rig.log("home")[-3000:])
    receiver.fault = lambda _payload: None
    rig.pause_meter()  # no new intervals: what is built must all arrive

    def settled() -> bool:
        status = rig.status("home")
        return status["pending"] == 0 and status["built"] == status["delivered"] == len(books.intervals(station))

    await eventually(settled, 20, lambda: rig.log("home")[-3000:])
    status = rig.status("home")
    intervals = [it.interval for it in books.intervals(station)]
    assert [it.seq for it in intervals] == list(range(1, status["built"] + 1))
    assert status["receipts_ignored"] >= 1
    assert books.repeated >= 1
    assert books.conflicts == 0


async def test_agent_and_simulator_killed_at_random_lose_and_double_nothing(make_rig, receiver, eventually):
    rig, books = make_rig(240), receiver.books
    rig.simulate({"name": "home", "profile": "household", "map": "meter-u64"})
    settings = {"api_url": receiver.url, "map": "meter-u64", "persist_s": 0}
    dice, kills = random.Random(11), 0
    agent = rig.agent("home", books.public_hex, **settings)
    station = rig.stations["home"]
    while len(books.intervals(station)) < 6:
        reading = lambda pid=agent.pid: rig.status("home").get("pid") == pid and rig.status("home")["read"] > 0  # noqa: E731
        await eventually(reading, 30, lambda: rig.log("home")[-3000:])
        await rig.wall(dice.uniform(0.0, 3.0))
        agent.kill()
        agent.wait()
        if kills % 3 == 2:
            rig.restart_simulator()
        agent = rig.agent("home", books.public_hex, **settings)
        kills += 1
        assert kills < 60, rig.log("home")[-3000:]
    rig.pause_meter()
    await eventually(
        lambda: rig.status("home").get("delivered") == len(books.intervals(station)),
        30,
        lambda: rig.log("home")[-3000:],
    )
    intervals = [it.interval for it in books.intervals(station)]
    assert kills >= 3
    assert [it.seq for it in intervals] == list(range(1, len(intervals) + 1))
    assert len({it.slot for it in intervals}) == len(intervals)
    add_up(intervals)
    assert books.conflicts == 0
