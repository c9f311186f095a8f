"""Sizes as messages say them. Deliberately imports nothing, so that pure modules may use it."""


def megabytes(size: int) -> str:
    return f"{size / 1024 / 1024:.3g} MB"
