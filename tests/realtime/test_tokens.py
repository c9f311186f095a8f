"""Role tokens: only those of this school and this time count."""

import time

import jwt
import pytest

from realtime import tokens
from realtime.errors import Refusal
from tests.realtime.support import KEY, new_session, token

SESSION = "01a00000-0000-7000-8000-000000000001"
CLAIMS = {
    "iss": "firstbell",
    "aud": "firstbell-realtime",
    "sid": SESSION,
    "role": "teacher",
    "sub": "7",
    "name": "Ada",
    "iat": int(time.time()),
    "exp": int(time.time()) + 3600,
}


def test_a_minted_token_is_verified_to_the_same_role() -> None:
    role = tokens.Role(SESSION, "board", "b", "Room 4")
    assert tokens.verify(tokens.mint(role, KEY), KEY) == role


def test_an_expired_token_is_told_apart() -> None:
    old = token(new_session(), seconds=60, now=time.time() - 120)
    with pytest.raises(Refusal) as refused:
        tokens.verify(old, KEY)
    assert refused.value.code == "expired_token"


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"},
        {"aud": "other"},
        {"sid": "1; DROP TABLE"},
        {"role": "admin"},
        {"role": ["teacher"]},
        {"sub": ""},
        {"exp": None},
        {"sid": None},
    ],
)
def test_a_token_with_other_claims_is_refused(change: dict[str, object]) -> None:
    claims = {key: value for key, value in {**CLAIMS, **change}.items() if value is not None}
    with pytest.raises(Refusal) as refused:
        tokens.verify(jwt.encode(claims, KEY), KEY)
    assert refused.value.code == "bad_token"


def test_a_token_signed_with_another_key_or_unsigned_is_refused() -> None:
    other = "another key, also of more than 32 bytes"
    for bad in (jwt.encode(CLAIMS, other), jwt.encode(CLAIMS, None, algorithm="none"),
                "", "a.b.c", "x" * 5000):  # fmt: skip
        with pytest.raises(Refusal) as refused:
            tokens.verify(bad, KEY)
        assert refused.value.code == "bad_token"
        assert refused.value.close_code == 4401
