"""What hands do to a slide: keys, a pen, a finger; and what is then drawn."""

from playwright.sync_api import Locator

from tests.browser.screens import Board, Screen

Point = tuple[float, float]
"""Share of the slide's width and height."""


def press(screen: Screen, key: str) -> None:
    screen.page.keyboard.press(key)


def box(part: Locator) -> tuple[float, float, float, float]:
    found = part.bounding_box()
    assert found is not None
    return found["x"], found["y"], found["width"], found["height"]


def page_of(screen: Screen) -> Locator:
    """The slide's page that is shown now."""
    inside = ".present .slide-page" if isinstance(screen, Board) else ".stage-slide .slide-page"
    return screen.page.locator(inside)


def on_screen(screen: Screen, point: Point) -> Point:
    x, y, width, height = box(page_of(screen))
    return x + point[0] * width, y + point[1] * height


def draw(screen: Screen, points: list[Point]) -> None:
    mouse = screen.page.mouse
    mouse.move(*on_screen(screen, points[0]))
    mouse.down()
    for point in points[1:]:
        mouse.move(*on_screen(screen, point), steps=8)
    mouse.up()


def finger(screen: Screen, points: list[Point]) -> None:
    """Touches the slide, moves and lifts, by the browser's own touch events."""
    tab = screen.page.context.new_cdp_session(screen.page)
    tab.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    for kind, point in [("touchStart", points[0]), *(("touchMove", p) for p in points[1:])]:
        x, y = on_screen(screen, point)
        tab.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    tab.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tab.detach()


def strokes(screen: Screen) -> Locator:
    return page_of(screen).locator("path[data-stroke]")


def shapes(screen: Screen) -> list[str]:
    """What is drawn, to the last point."""
    return strokes(screen).evaluate_all("all => all.map(path => path.getAttribute('d')).sort()")
