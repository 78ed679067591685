// SPDX-FileCopyrightText: 2026 The GreenCore authors
// SPDX-License-Identifier: Apache-2.0
// npm jsmodbus as a server: `node jsmodbus.js tcp PORT`. Register n holds n, for n below 2,000. A read beyond is answered,
// as jsmodbus does it, by a normal answer of fewer registers or none.
const net = require("net");
const path = require("path");
const { createRequire } = require("module");
const jsmodbus = createRequire(path.join(process.cwd(), "package.json"))("jsmodbus");

const REGISTERS = 2000;
const words = Buffer.alloc(2 * REGISTERS);
for (let index = 0; index < REGISTERS; index++) words.writeUInt16BE(index, 2 * index);
const listener = new net.Server();
new jsmodbus.server.TCP(listener, { holding: words, input: words });
listener.listen(Number(process.argv[3]), "127.0.0.1", () => console.log("ready"));
