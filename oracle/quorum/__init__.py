# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""How nodes agree: whose turn it is, what they tell each other, when there are enough signatures."""
