# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Structured logs: one event a line, with the context that was bound on the way."""

import logging
import sys

import structlog

Logger = structlog.stdlib.BoundLogger


def configure(*, level: str = "info", json: bool = False, role: str = "") -> None:
    """Set up logging for this process. `role` stands in every line."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer() if json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(name)s %(message)s")
    if role:
        structlog.contextvars.bind_contextvars(role=role)


def get(name: str) -> Logger:
    """A logger whose lines carry the module's name."""
    logger: Logger = structlog.get_logger(module=name)
    return logger
