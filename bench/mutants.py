# SPDX-FileCopyrightText: 2026 The GreenCore authors
# SPDX-License-Identifier: Apache-2.0
"""Small mistakes in a Vyper source: every place where one operator, number, word or statement could have been another.

Only function bodies are changed. What is within strings, comments, logs and declarations is left alone.
"""

import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

_SWAPS = {
    "<": "<=",
    "<=": "<",
    ">": ">=",
    ">=": ">",
    "==": "!=",
    "!=": "==",
    "+": "-",
    "-": "+",
    "*": "//",
    "//": "*",
    "%": "*",
    "&": "|",
    "|": "&",
    "^": "|",
    "<<": ">>",
    ">>": "<<",
    "+=": "-=",
    "-=": "+=",
    "|=": "&=",
    "&=": "|=",
    "and": "or",
    "or": "and",
    "not": "",
    "min": "max",
    "max": "min",
    "True": "False",
    "False": "True",
    "unsafe_add": "unsafe_sub",
    "unsafe_sub": "unsafe_add",
    "unsafe_mul": "unsafe_div",
    "unsafe_div": "unsafe_mul",
}
_LAYOUT = {tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT}


@dataclass(frozen=True)
class Mutant:
    """One mistake: what stands where instead of what. Lines count from 1."""

    line: int
    start: int  # in characters from the beginning of the source
    end: int
    was: str
    becomes: str

    def apply(self, source: str) -> str:
        """The source with the mistake in it."""
        return source[: self.start] + self.becomes + source[self.end :]

    def __str__(self) -> str:
        was = " ".join(self.was.split())
        return f"line {self.line}: {was} → {self.becomes or 'nothing'}"


@dataclass(frozen=True)
class _Token:
    kind: int
    text: str
    line: int
    start: int
    end: int


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a source, in the order of the text. Raises tokenize.TokenError for what is no source."""
    found: list[Mutant] = []
    inside = False
    for statement in _statements(source):
        first = statement[0]
        if source[: first.start].rpartition("\n")[2] == "":
            inside = first.text == "def"
            continue
        if inside and first.kind != tokenize.STRING and first.text != "log":
            found += _of_statement(source, statement)
    return found


def _of_statement(source: str, statement: list[_Token]) -> Iterator[Mutant]:
    """A statement left out, and each of its words another one."""
    first, last = statement[0], statement[-1]
    text = source[first.start : last.end]
    words = {token.text for token in statement}
    plain_assert = first.text == "assert" and not words & {"extcall", "raw_call"}
    if plain_assert or (first.text == "self" and "extcall" not in words):
        yield Mutant(first.line, first.start, last.end, text, "pass")
    for index, token in enumerate(statement):
        before = statement[index - 1].text if index else ""
        if first.text == "assert" and token.kind == tokenize.STRING:
            return  # the reason, last
        if token.text in _SWAPS and not _is_sign(token.text, before):
            yield Mutant(token.line, token.start, token.end, token.text, _SWAPS[token.text])
        elif token.kind == tokenize.NUMBER and "x" not in token.text and not _is_type(before, statement, index):
            yield Mutant(token.line, token.start, token.end, token.text, str(int(token.text.replace("_", "")) + 1))


def _is_sign(text: str, before: str) -> bool:
    """A sign in front of a number, the arrow of a `def`, or a star."""
    return text in ("-", "+", "*") and before in ("", "(", "[", ",", "=", "return", "==", "<", ">")


def _is_type(before: str, statement: list[_Token], index: int) -> bool:
    """The number of `bound=`, of a type such as Bytes[32], or of a declared size."""
    earlier = statement[index - 2].text if index > 1 else ""
    return (before == "[" and earlier[:1].isupper()) or earlier == "bound" or (before == "," and index > 3 and
        any(token.text == "DynArray" for token in statement[:index]))  # fmt: skip


def _statements(source: str) -> Iterator[list[_Token]]:
    """The logical lines, each as its words; the colon that opens a block ends one too."""
    starts = [0]
    for written in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(written))
    line: list[_Token] = []
    for kind, text, begin, end, _ in tokenize.generate_tokens(io.StringIO(source).readline):
        if kind in (tokenize.NEWLINE, tokenize.ENDMARKER):
            if line:
                yield line
            line = []
        elif kind not in _LAYOUT:
            line.append(_Token(kind, text, begin[0], starts[begin[0] - 1] + begin[1], starts[end[0] - 1] + end[1]))
