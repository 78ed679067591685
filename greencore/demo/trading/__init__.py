# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A trading day: twenty wallets that deal in what the demo's stations produce. Every step is a transaction that a wallet signs.

| module | holds |
|---|---|
| actors | who takes part, and which key is whose |
| strategy | what an actor does next, decided from what it sees; pure |
| wallet | what an actor sees and does on chain |
| bank | GCM against bank payments, with a bank that is played |
| day | the process: everybody in turn, and what the live table is told |
| books | whether the Vault holds what it owes |
"""
