"""What a board shows to be paired: six digits for fingers, a long code for cameras; and four digits more.

Both codes stand for the same waiting board. The six digits can be guessed, so wrong ones are counted (budgets.py) and
whoever typed them must also tell the number that the board then shows. The long code can't be guessed and needs
neither: it is in the QR picture, and below it. The arithmetic is in docs/decisions/0019.
"""

import hashlib
import hmac
import secrets

from realtime.errors import Refusal

DIGITS = 6
CLASSES = 16  # each node draws from its own residue class, so two nodes never show the same code
HALF = 10 ** (DIGITS // 2)
ROUNDS = 8
NUMBER_DIGITS = 4

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: no I, L, O, U
ALIKE = str.maketrans("ILO", "110")
LONG = 12  # characters of 5 bits


def draw(node: int, key: str) -> str:
    """Six digits at random. Which node drew them can't be told from them without the key."""
    return scramble(secrets.randbelow(10**DIGITS // CLASSES) * CLASSES + node, key)


def scramble(number: int, key: str) -> str:
    """A number below 10^6 as another one, one to one: a Feistel network over two times three digits.

    Without it codes of a node were those of its residue class, and a guess sixteen times as good.
    """
    left, right = divmod(number, HALF)
    for turn in range(ROUNDS):
        left, right = right, (left + _mix(turn, right, key)) % HALF
    return f"{left * HALF + right:0{DIGITS}d}"


def _mix(turn: int, half: int, key: str) -> int:
    text = f"firstbell pairing code {turn} {half}".encode()
    return int.from_bytes(hmac.digest(key.encode(), text, hashlib.sha256)[:8])


def draw_long() -> str:
    """60 bits at random, as letters and digits that look different from one another."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LONG))


def draw_number() -> str:
    """What a board shows to whoever typed its six digits."""
    return f"{secrets.randbelow(10**NUMBER_DIGITS):0{NUMBER_DIGITS}d}"


def same(one: str, other: str) -> bool:
    """Compares secrets in a time that tells nothing."""
    return hmac.compare_digest(one.encode(errors="replace"), other.encode(errors="replace"))


def is_short(code: str) -> bool:
    """Whether a clean code is one of six digits."""
    return len(code) == DIGITS


def clean(text: str) -> str:
    """A code as typed, spaces and dashes left out; raises Refusal pair.wrong_code if it can't be one."""
    code = text.replace(" ", "").replace("-", "").upper()
    if len(code) == DIGITS and code.isascii() and code.isdecimal():
        return code
    code = code.translate(ALIKE)
    if len(code) == LONG and all(sign in ALPHABET for sign in code):
        return code
    message = "A code has six digits, or twelve letters and digits. Type the one that the board shows now."
    raise Refusal("pair.wrong_code", message)


def wrong() -> Refusal:
    """No board shows this code."""
    message = "No board shows this code. Type the six digits that the board shows now."
    return Refusal("pair.wrong_code", message)
