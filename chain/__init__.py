# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The way to the chain: addresses, ABIs, typed reads, keys and transactions.

| module | holds |
|---|---|
| deployment | where the contracts stand, as the deploy script wrote it |
| rpc | JSON-RPC with timeouts, retries and errors that name no secret |
| contract | calls and events encoded and decoded by a contract's ABI |
| client | typed reads and calls of GreenCore's contracts |
| signer | keys: an encrypted keystore, or anything that signs like one |
| signers, remote | a signer from a setting; a key that stays in a remote service |
| nonces | a lock for processes that share a key |
| transactions | sending, waiting, replacing, and why a call was refused |
"""
