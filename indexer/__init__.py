# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From the chain's logs to PostgreSQL: exactly once, and safe when the chain changes its mind (docs/indexer.md).

    Indexer(database, rpc_url, deployment, projections, clock, announce=True).run()

| module | holds |
|---|---|
| projection | `DecodedLog`, and the protocol of what other packages derive within the indexer's transaction |
| models | the tables |
| service | the loop: one writer, batches, reorgs |
| rpc, reader | the node: headers, logs, receipts; ranges and the tip |
| bloom | the header's filter as a witness against a node that leaves logs out |
| abi | decoders made from the contracts' ABIs |
| tables | which event fills which table |
| writer | one batch, or one rollback, as one transaction |
| upkeep | status, verify, rebuild |
| derived | balances and supply as functions of the transfers, and the check that they still are |
"""
