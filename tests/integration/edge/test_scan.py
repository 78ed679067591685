# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""`scan` and `test-map` against real servers: our simulator, and pymodbus with images that pysunspec2 laid out.

And the other way round: pysunspec2's own client reads the simulator.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping

import pytest
from click.testing import CliRunner, Result
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice
from sunspec2.file.client import FileClientModel
from sunspec2.modbus.client import SunSpecModbusClientDeviceTCP

from edge.command import cli
from edge.meters.modbus import TcpAddress
from edge.meters.registers import Value, decode
from edge.meters.sunspec import discover
from edge.scan.link import Probe, bus_of, gather
from simulator.clock import Clock
from simulator.server import Station, StationServer
from tests.integration.edge.peers.raw_rtu import Request, raw_rtu, refusal, words

EPOCH = 1_760_486_400
NOON = EPOCH + 12 * 3600
WORDS_OF_SDM = {0: [0x4366, 0x3333], 70: [0x4248, 0], 72: [0x449A, 0x51EC], 74: [0x42F6, 0x8000]}


@contextlib.asynccontextmanager
async def stations(*wanted: Station, speed: int = 1) -> AsyncIterator[list[int]]:
    """Simulated stations at noon; the ports that they listen on."""
    clock = Clock.parse(f"{NOON}@{int(time.time())}x{speed}")
    servers = [StationServer(station, EPOCH, clock, "127.0.0.1") for station in wanted]
    try:
        yield [await server.start() for server in servers]
    finally:
        for server in servers:
            await server.stop()


@contextlib.asynccontextmanager
async def device(image: Mapping[int, list[int]], unit: int = 1) -> AsyncIterator[int]:
    """pymodbus serving words that a test says; everything else is refused."""
    blocks = [SimData(start, values=words, datatype=DataType.REGISTERS) for start, words in sorted(image.items())]
    server = ModbusTcpServer(SimDevice(id=unit, simdata=blocks), address=("127.0.0.1", 0), ignore_missing_devices=True)
    await server.serve_forever(background=True)
    try:
        yield server.transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()


async def edge(*arguments: object) -> Result:
    """`greencore edge …` in a thread of its own, so that the servers here can answer."""
    return await asyncio.to_thread(CliRunner().invoke, cli, [str(it) for it in arguments])


def bus_of_two(request: Request) -> list[bytes]:
    """Unit 2 is an Eastron; unit 3 refuses what it is asked; nobody else is there."""
    if request.unit == 3:
        return [refusal(request, 4)]
    if request.unit != 2:
        return []
    held = {start + index: word for start, taken in WORDS_OF_SDM.items() for index, word in enumerate(taken)}
    wanted = range(request.address, request.address + request.count)
    if request.function != 4 or any(address not in held for address in wanted):
        return [refusal(request, 2)]
    return [words(request, [held[address] for address in wanted])]


class TestScan:
    async def test_every_device_is_found_and_what_it_says_is_ready_to_paste(self):
        wanted = [
            Station("sun", 0, "pv", map="sunspec:103,203"),
            Station("sdm", 0, "household", map="eastron-sdm630", unit=3),
            Station("abb", 0, "pv", map="abb-b23-b24"),
            Station("em340", 0, "household", map="carlo-gavazzi-em340"),
            Station("odd", 0, "pv", map="meter-u64"),
        ]
        async with stations(*wanted) as ports:
            asked = [part for port in ports for part in ("--port", port)]
            found = await edge("scan", "--host", "127.0.0.1", *asked, "--units", "1,3", "--timeout", 0.2)
            as_json = await edge("scan", "--host", "127.0.0.1", "--port", ports[0], "--units", 1, "--json")
        assert found.exit_code == 0
        assert [line for line in found.stdout.splitlines() if line.startswith("  - ")] == [
            f"  - {{id: main, map: sunspec, unit: 1, tcp: {{host: 127.0.0.1, port: {ports[0]}}}}}",
            f"  - {{id: meter-2, map: eastron-sdm120, unit: 3, tcp: {{host: 127.0.0.1, port: {ports[1]}}}}}"
            "  # or eastron-sdm630, eastron-sdm72-v2",
            f"  - {{id: meter-3, map: abb-b23-b24, unit: 1, tcp: {{host: 127.0.0.1, port: {ports[2]}}}}}",
            f"  - {{id: meter-4, map: carlo-gavazzi-em340, unit: 1, tcp: {{host: 127.0.0.1, port: {ports[3]}}}}}",
        ]
        assert "GreenCore Virtual station, serial SIM-1, 1@40002 103@40070 203@40122" in found.stdout
        assert f"127.0.0.1:{ports[4]} unit 1: answers, but is no SunSpec device" in found.stdout
        (said,) = json.loads(as_json.stdout)["devices"]
        assert (said["sunspec"]["models"][2], list(said["values"])) == (
            [203, 40122, 105],
            ["export, TotWhExp_203", "import, TotWhImp_203", "status, Evt_203", "gen, WH_103"],
        )

    async def test_a_serial_bus_is_asked_unit_by_unit(self):
        async with raw_rtu() as line:
            line.answer = bus_of_two
            found = await edge("scan", "--serial", line.device, "--baud", 115200, "--units", "1-3", "--timeout", 0.1)
        assert found.exit_code == 0
        assert f"rtu: {{device: {line.device}, baud: 115200, parity: none, stop_bits: 1}}}}  # or" in found.output
        assert "unit 2: fits 3 known maps" in found.output
        assert {request.unit for request in line.requests} == {1, 2, 3}

    async def test_a_chain_that_cannot_be_is_reported_and_the_scan_goes_on(self):
        image = {40000: [0x5375, 0x6E53, 1, 66, *[0] * 66, 203, 40, *[0] * 40]}
        async with device(image) as port, device({7: [1]}) as other:
            found = await edge(
                "scan", "--host", "127.0.0.1", "--port", port, "--port", other, "--units", 1, "--timeout", 0.2
            )
        assert found.exit_code == 0
        assert "model 203 at 40070 says that it has 40 registers" in found.stdout
        assert f"127.0.0.1:{other} unit 1: answers" in found.stdout

    async def test_nobody_there_and_no_line_are_different_ends(self, free_port):
        async with device({0: [0, 0]}, unit=9) as port:
            silent = await edge("scan", "--host", "127.0.0.1", "--port", port, "--units", "1-2", "--timeout", 0.1)
        assert (silent.exit_code, "nobody answered as unit 1 to 2" in silent.output) == (1, True)
        gone = await edge("scan", "--host", "127.0.0.1", "--port", free_port(), "--serial", "/dev/no-such-line")
        assert (gone.exit_code, "no connection" in gone.output, "no such device" in gone.output) == (2, True, True)

    @pytest.mark.parametrize("units", ["", "0-999", "5-3", "a", "1,,2"])
    async def test_units_that_are_none_are_refused(self, units):
        assert (await edge("scan", "--host", "127.0.0.1", "--units", units)).exit_code == 2

    async def test_nothing_is_searched_for_by_itself(self):
        assert "name a --host" in (await edge("scan")).output


class TestTestMap:
    async def test_a_map_that_fits_shows_that_its_counters_move(self):
        async with stations(Station("sdm", 0, "pv", map="eastron-sdm630"), speed=900) as (port,):
            shown = await edge("test-map", "eastron-sdm630", "--host", "127.0.0.1", "--port", port, "--again", 0.3)
        assert shown.exit_code == 0
        assert "voltage L1  input 0-1 (0x0000) float32 ABCD  raw 4366 0000\n    = 230 V" in shown.stdout
        assert " W\n" in shown.stdout
        assert "everything looks right" in shown.stdout

    async def test_a_device_one_register_off_is_told_as_such(self):
        async with device({start + 1: words for start, words in WORDS_OF_SDM.items()}) as port:
            shown = await edge("test-map", "eastron-sdm630", "--host", "127.0.0.1", "--port", port, "--again", 0)
        assert shown.exit_code == 1
        assert "does not look right; shift +1 would fit" in shown.stdout

    async def test_a_device_that_swaps_its_words_is_told_as_such(self):
        async with device({start: words[::-1] for start, words in WORDS_OF_SDM.items()}) as port:
            shown = await edge(
                "test-map", "eastron-sdm630", "--host", "127.0.0.1", "--port", port, "--again", 0, "--json"
            )
        said = json.loads(shown.stdout)
        assert (shown.exit_code, said["fits"]) == (1, False)
        assert said["verdict"].endswith("CDAB would fit")

    async def test_a_device_that_refuses_everything_or_is_not_there_is_another_end(self, free_port):
        async with device({7: [1]}) as port:
            refused = await edge("test-map", "eastron-sdm630", "--host", "127.0.0.1", "--port", port)
        assert (refused.exit_code, "refuses every register of eastron-sdm630" in refused.output) == (2, True)
        assert "`greencore edge scan` says which maps fit" in refused.output
        gone = await edge("test-map", "eastron-sdm630", "--host", "127.0.0.1", "--port", free_port())
        assert (gone.exit_code, "unreachable" in gone.output) == (2, True)

    async def test_a_meter_behind_http_is_asked_twice(self):
        totals = iter([1000.5, 1001.0, 7.0, 7.0])

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            body = json.dumps({"total_act": next(totals), "total_act_ret": 2.0}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(body), body))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        moved = await edge("test-map", "shelly-pro-3em", "--url", url, "--again", 0.2)
        still = await edge("test-map", "shelly-pro-3em", "--url", url, "--again", 0.1)
        wrong = await edge("test-map", "eastron-sdm630", "--url", url)
        server.close()
        assert (moved.exit_code, "= 1000.5 Wh" in moved.output, "then 1001 Wh: 9000 W" in moved.output) == (
            0,
            True,
            True,
        )
        assert (still.exit_code, still.output.count("stood still")) == (0, 2)
        assert (wrong.exit_code, "eastron-sdm630 is for modbus devices" in wrong.output) == (2, True)

    async def test_sunspec_is_discovered_first(self):
        async with stations(Station("sun", 0, "pv", map="sunspec:701")) as (port,):
            shown = await edge("test-map", "sunspec", "--host", "127.0.0.1", "--port", port, "--again", 0)
        assert (shown.exit_code, "TotWhInj_701" in shown.stdout) == (0, True)


class TestAgainstPySunSpec:
    async def test_its_client_reads_the_simulator_as_we_do(self):
        async with stations(Station("sun", 0, "household", map="sunspec:103,203,213,701")) as (port,):
            models = await asyncio.to_thread(self.scan, port)
            bus = bus_of(TcpAddress("127.0.0.1", port), 1)
            probe = Probe(bus, 1)
            found = await discover(probe.holding)
            values = decode(found, await gather(probe, found, beside=False))
            bus.close()
        assert list(models)[:5] == [1, "common", 103, "inverter_three_phase", 203]
        assert models[1][0].SN.value == "SIM-1"
        meter, inverter, der = models[203][0], models[103][0], models[701][0]
        assert (inverter.Hz.cvalue, meter.Hz.cvalue, models[213][0].Hz.cvalue, der.Hz.cvalue) == (50, 50, 50, 50)
        assert inverter.W.value is meter.W.value is models[213][0].PhV.value is der.W.value is None
        exported = {meter.TotWhExp.cvalue, inverter.WH.cvalue, der.TotWhInj.cvalue, models[213][0].TotWhExp.cvalue // 1}
        assert max(exported) - min(exported) <= 1  # between two reads a Wh may pass
        ours = values["TotWhExp_203"]
        assert isinstance(ours, Value)
        assert 0 <= ours.raw - meter.TotWhExp.value <= 1

    @staticmethod
    def scan(port: int) -> dict[int | str, list]:
        client = SunSpecModbusClientDeviceTCP(slave_id=1, ipaddr="127.0.0.1", ipport=port, timeout=5)
        try:
            client.scan()
            return dict(client.models)
        finally:
            client.close()

    async def test_our_discovery_reads_a_server_with_its_words(self):
        points = {
            1: {"ID": 1, "Mn": "Other", "Md": "Thing", "SN": "77", "DA": 1, "Pad": 0},
            103: {"ID": 103, "WH": 123456, "WH_SF": 1, "W": 4100, "W_SF": 0},
            203: {"ID": 203, "TotWhExp": 4294967290, "TotWhImp": 0, "TotWh_SF": 0},
            701: {"ID": 701, "TotWhInj": 2**40, "TotWhAbs": 7, "TotWh_SF": -2},
        }
        words = [0x5375, 0x6E53]
        for number, values in points.items():
            data = FileClientModel(number, 0, None, None, values).get_mb()
            taken = [int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)]
            words += [number, len(taken) - 2, *taken[2:]]
        async with device({50000: [*words, 0xFFFF, 0]}) as port:
            bus = bus_of(TcpAddress("127.0.0.1", port), 1)
            probe = Probe(bus, 1)
            found = await discover(probe.holding)
            values = decode(found, await gather(probe, found, beside=False))
            bus.close()
        assert found.expect[0].address == 50000
        assert values["TotWhExp_203"] == Value(4294967290, 6, 0)
        assert values["TotWhInj_701"] == Value(2**40, 4, -2)
        assert "Other Thing" in found.title
