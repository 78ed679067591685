# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Ape scripts: deploy, verify and show a house; and the generator of the ABIs."""
