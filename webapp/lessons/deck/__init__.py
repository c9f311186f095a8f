"""Markdown in, slides out. Pure: no database, no files; the only public door is `parse_deck`."""

from collections.abc import Mapping
from functools import lru_cache

from webapp.lessons.deck.slides import Deck, Slide, Warning, parse

__all__ = ["Deck", "Slide", "Warning", "parse_deck"]


def parse_deck(text: str, problems: Mapping[str, str] | None = None) -> Deck:
    """The slides, notes and warnings of a Markdown text.

    `problems` says why a figure could not be stored, by its target. Raises DeckTooComplex when
    reading takes too long, nothing else.
    """
    return parse(text, dict(problems)) if problems else _remembered(text)


@lru_cache(maxsize=32)
def _remembered(text: str) -> Deck:
    # Thirty boards of a class ask for the same lesson at the same moment.
    return parse(text, {})
