# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Files of measured energy, read strictly and brought in by the same way as everything else."""
