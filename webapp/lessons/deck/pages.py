"""Distributes units over pages: few pages, none crowded, none nearly empty, nothing torn apart.

The classic least-cost line breaking (Knuth and Plass, 1981), with slides for lines. Pure: units in,
lists of units out.
"""

from webapp.lessons.deck.units import PAGE_LINES, Unit

_PAGE_COST = 100.0
_RAGGED_COST = 60.0  # of an empty page, square less for fuller ones
_CROWDED_COST = 2000.0
# A slide a little too full, at a price, is better than a command torn from its output.
TOLERANCE = 1.15
CALLOUT_LINES = 1.5  # its title and frame


def paginate(units: list[Unit], room: float = PAGE_LINES) -> list[list[Unit]]:
    """The units in order, on pages of about `room` lines; a unit too high has its own page."""
    best: list[float] = [0.0]
    came_from: list[int] = [0]
    for end in range(1, len(units) + 1):
        cost, start = _best_start(units, end, best, room)
        best.append(cost)
        came_from.append(start)
    pages: list[list[Unit]] = []
    end = len(units)
    while end:
        pages.insert(0, units[came_from[end] : end])
        end = came_from[end]
    return pages


def _best_start(units: list[Unit], end: int, best: list[float], room: float) -> tuple[float, int]:
    found = (float("inf"), end - 1)
    height = 0.0
    for start in range(end - 1, -1, -1):
        height += units[start].height + _frame(units, start, end)
        if height > room * TOLERANCE and start < end - 1:
            break
        cost = best[start] + _cost(height, room, last=end == len(units))
        if start:
            cost += units[start - 1].glue
        found = min(found, (cost, start))
    return found


def _frame(units: list[Unit], start: int, end: int) -> float:
    """Extra lines where a callout begins on the page that starts here."""
    quote = units[start].quote
    if quote is None or (start + 1 < end and units[start + 1].quote == quote):
        return 0.0
    return CALLOUT_LINES


def _cost(height: float, room: float, last: bool) -> float:
    if height > room:
        return _PAGE_COST + _CROWDED_COST * (height - room) / room
    empty = (room - height) / room
    return _PAGE_COST + _RAGGED_COST * empty * empty * (0.5 if last else 1.0)
