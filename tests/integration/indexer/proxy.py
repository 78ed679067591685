# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""A node that stands between the indexer and the chain and misbehaves as told."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

Question = dict[str, Any]
Answer = dict[str, Any]


class Proxy:
    """`spoil` may replace any answer; `questions` counts methods; `status` other than 200 is given to every request."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.spoil: Callable[[Question, Answer], Answer] = lambda _, answer: answer
        self.status = 200
        self.questions: dict[str, int] = {}
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        if self.status != 200:
            return web.Response(status=self.status)
        asked = await request.json()
        async with aiohttp.ClientSession() as session, session.post(self.target, json=asked) as answer:
            told = json.loads(await answer.read())
        if isinstance(asked, list):
            by_id = {one["id"]: one for one in told}
            return web.json_response([self._one(q, by_id[q["id"]]) for q in reversed(asked)])
        return web.json_response(self._one(asked, told))

    def _one(self, question: Question, answer: Answer) -> Answer:
        self.questions[question["method"]] = self.questions.get(question["method"], 0) + 1
        return self.spoil(question, answer)


@asynccontextmanager
async def proxy_to(target: str) -> AsyncIterator[Proxy]:
    proxy = Proxy(target)
    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/", proxy.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    proxy.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield proxy
    finally:
        await runner.cleanup()


def asked_block(question: Question) -> str:
    """The block that eth_getBlockByNumber asks for, else nothing."""
    return str(question["params"][0]) if question["method"] == "eth_getBlockByNumber" else ""
