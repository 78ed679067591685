# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""GraphQL, one file a domain; `schema` puts them together."""
