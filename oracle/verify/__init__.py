# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The independent check: reads the chain and the published leaves, and nothing else of ours.

| module | holds |
|---|---|
| facts | what was read, as plain data |
| reader | reading it from a node of the chain |
| source | where leaves are published: a node, the platform, a folder |
| reports.rules | the chain of reports, their leaves, their signatures |
| delay.rules | whether claims waited until people could look |
| tokens.rules | what became tokens, and whether it was signed for |
| check | all of it in order |
| command | the command line |
"""
