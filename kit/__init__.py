# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The shelf that everyone shares. Look here before writing a helper.

| shelf | holds |
|---|---|
| clock | system and accelerated clocks, behind one protocol |
| database | declarative base, engine, transactions |
| errors | the tree of errors with stable codes and HTTP status |
| idempotency | keys that make externally visible writes safe to repeat |
| ids | stations as UUIDs and as the chain's integers |
| jobs | procrastinate's app, and enqueueing within a transaction |
| logs | structured logging |
| outbox | events that commit with the data, and their relay to JetStream |
| settings | environment variables shared by all roles |
| shutdown | running until a signal, then stopping in order |
| stream | NATS connection, streams and durable consumers |
| units | slots, µWh, utility codes |
"""
