# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Heat, water, harvest, services, carbon, packets, saving and device-hours: pure rules that platform and nodes share."""
