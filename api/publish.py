# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""The door's two contracts as files: `python -m api.publish` writes docs/openapi.json and docs/schema.graphql.

A test keeps them fresh, so that a change of either shows in review.
"""

import json
from pathlib import Path

from api.app import create_app
from api.graphql.schema import make_schema
from api.settings import ApiSettings

_HEADER = "# SPDX-FileCopyrightText: 2026 The GreenCore authors\n# SPDX-License-Identifier: Apache-2.0\n\n"

DOCS = Path(__file__).parents[1] / "docs"


def openapi_text() -> str:
    """docs/openapi.json."""
    return json.dumps(create_app(ApiSettings.model_construct()).openapi(), indent=1, ensure_ascii=False) + "\n"


def graphql_text() -> str:
    """docs/schema.graphql: the subgraph's SDL."""
    return _HEADER + make_schema(depth_max=1, cost_max=1).as_str() + "\n"


def main() -> None:
    """Write both files."""
    (DOCS / "openapi.json").write_text(openapi_text())
    (DOCS / "schema.graphql").write_text(graphql_text())


if __name__ == "__main__":
    main()
