// SPDX-FileCopyrightText: 2026 The GreenCore authors
// SPDX-License-Identifier: Apache-2.0
// npm modbus-serial as a server: `node modbus_serial.js tcp PORT` or `rtu DEVICE`. Register n holds n; some addresses
// misbehave, as the peers' table in peers/__init__.py says.
const path = require("path");
const { createRequire } = require("module");
const from = createRequire(path.join(process.cwd(), "package.json"));
const ModbusRTU = from("modbus-serial");

const LATE_MS = 400;
const [kind, where] = process.argv.slice(2);

// four parameters: the library then hands over a callback, by which it also takes errors
function words(address, count, unit, done) {
  const place = Math.floor(address / 100);
  const values = Array.from({ length: count }, (_, index) => address + index);
  if (place === 2) done(Object.assign(new Error("busy"), { modbusErrorCode: 6 }));
  else if (place === 1) setTimeout(() => done(null, values), LATE_MS);
  else if (place !== 5) done(null, values);
}

const vector = { getMultipleHoldingRegisters: words, getMultipleInputRegisters: words };
const ready = () => console.log("ready");
if (kind === "tcp") {
  const server = new ModbusRTU.ServerTCP(vector, { host: "127.0.0.1", port: Number(where), unitID: 1 });
  server.on("initialized", ready);
} else {
  const line = { path: where, baudRate: 115200, unitID: 1, interval: 10 };
  new ModbusRTU.ServerSerial(vector, { ...line, port: where, openCallback: ready });
}
