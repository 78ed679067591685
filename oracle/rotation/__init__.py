# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Who may sign from when on: planning a new signer set, refusing an unsafe one in words, bringing it to the chain."""
