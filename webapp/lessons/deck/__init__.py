"""Markdown in, slides out. Pure: no database, no files; the only public door is `parse_deck`."""

from collections.abc import Mapping
from functools import lru_cache

from webapp.api.messages import Message
from webapp.lessons.deck.grammar import Deadline, DeckTooComplex
from webapp.lessons.deck.slides import Deck, Slide, Warning, parse

__all__ = ["Deck", "DeckTooComplex", "Slide", "Warning", "parse_deck"]

PARSE_LIMIT_SECONDS = 5.0


def parse_deck(
    text: str,
    problems: Mapping[str, Message] | None = None,
    limit_seconds: float = PARSE_LIMIT_SECONDS,
) -> Deck:
    """The slides, notes and warnings of a Markdown text.

    `problems` says why a figure could not be stored, by its target. Raises DeckTooComplex when
    reading takes longer than the limit, nothing else.
    """
    if problems:
        return parse(text, dict(problems), Deadline(limit_seconds))
    return _remembered(text, limit_seconds)


@lru_cache(maxsize=32)
def _remembered(text: str, limit_seconds: float) -> Deck:
    # Thirty boards of a class ask for the same lesson at the same moment.
    return parse(text, {}, Deadline(limit_seconds))
