# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""From readings to the row of leaves: what every node recomputes by itself."""
