"""Passkeys (WebAuthn): signing in by the lock of the device, with no password for a class to watch being typed.

The challenge is neither a row nor a session: it goes to the page signed, with its age, and comes back with the answer,
so that any host can take it. Whoever can read the answer on its way could as well read the cookie that it is given,
so nothing is remembered of challenges that were used.

Only passkeys that the device keeps itself and unlocks itself are asked for: no user name is typed, and the device's PIN
or finger is the second factor. How often one was used is not compared between hosts: passkeys are synchronized between
a person's devices nowadays, and say 0.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit
from uuid import NAMESPACE_OID, UUID, uuid5

from django.core import signing
from django.http import HttpRequest
from django.utils import timezone

from webapp.accounts import guessing, passwords
from webapp.accounts.budgets import Budget, client_address, refuse_if_spent
from webapp.accounts.models import Passkey, User
from webapp.accounts.sign_ins import device_name
from webapp.api.errors import ApiError
from webapp.api.messages import Message
from webapp.multimaster.durability import durability

SALT = "webapp.accounts.passkeys"
CHALLENGE_SECONDS = 300
MOST_BYTES = 4096
"""Of one passkey's id and public key; usual are 200 to 500."""
MOST = 20
"""Of one person."""
WRONG_PER_ADDRESS = (100, 900)
BACKEND = "django.contrib.auth.backends.ModelBackend"
"""Who is signed in by a passkey is looked up at later requests as who is by a password."""

T = TypeVar("T")
Options = dict[str, Any]
"""What the page gives to the browser (`publicKey` as JSON: W3C Web Authentication level 3), and `state` for us."""


def options_to_add(request: HttpRequest, user: User, password: str, origin: str) -> Options:
    """Raises ApiError 403 `wrong_password`, 409 `too_many_passkeys`; TooManyTries.

    The password is asked for: a minute alone with an unlocked laptop must not last.
    """
    from fido2 import webauthn  # 20 MB, which workers that never see a passkey do without

    if guessing.check(request, user.get_username(), password) is None:
        raise passwords.wrong("password")
    mine = list(user.passkeys.all())
    if len(mine) >= MOST:
        text = Message(
            "You have %(most)s passkeys. Remove one that you don't use any more.", most=MOST
        )
        raise ApiError(409, "too_many_passkeys", text)
    options, state = _server(origin).register_begin(
        webauthn.PublicKeyCredentialUserEntity(
            id=user.id.bytes, name=user.get_username(), display_name=user.shown_name
        ),
        credentials=[_credential(one) for one in mine],
        resident_key_requirement=webauthn.ResidentKeyRequirement.REQUIRED,
        user_verification=webauthn.UserVerificationRequirement.REQUIRED,
    )
    return {**dict(options), "state": _signed(state, str(user.id))}


def add(request: HttpRequest, user: User, origin: str, state: str, answer: Any) -> Passkey:
    """Repeating is harmless: the row's id follows from the passkey's. Raises ApiError 400, 409."""
    challenge = _challenge(state, str(user.id))
    credential = _read(lambda: _server(origin).register_complete(challenge, answer).credential_data)
    if len(bytes(credential)) > MOST_BYTES:
        raise _refused(f"it is longer than {MOST_BYTES} bytes")
    row, _ = Passkey.objects.get_or_create(
        id=row_id(credential.credential_id),
        defaults={
            "user": user,
            "credential": bytes(credential),
            "device": device_name(request.META.get("HTTP_USER_AGENT", "")),
        },
    )
    if row.user_id != user.id:
        text = Message("This passkey belongs to another account.")
        raise ApiError(409, "passkey_taken", text)
    return row


def options_to_sign_in(origin: str) -> Options:
    """For whoever has one: which, and whose, the device knows."""
    from fido2.webauthn import UserVerificationRequirement

    options, state = _server(origin).authenticate_begin(
        user_verification=UserVerificationRequirement.REQUIRED
    )
    return {**dict(options), "state": _signed(state, "")}


def check(request: HttpRequest, origin: str, state: str, answer: Any) -> User:
    """Whose passkey answered. Raises ApiError 403 `unknown_passkey`, 400 `bad_passkey`; TooManyTries."""
    from fido2.webauthn import AuthenticationResponse

    budget = Budget(f"passkey.{client_address(request)}", *WRONG_PER_ADDRESS)
    refuse_if_spent([budget], Message("There were too many wrong passkeys."))
    try:
        challenge = _challenge(state, "")
        which = _read(lambda: AuthenticationResponse.from_dict(answer).raw_id)
        row = Passkey.objects.select_related("user").filter(id=row_id(which)).first()
        if row is None or not row.user.is_active:
            text = Message(
                "Firstbell does not know this passkey. Sign in with your password, and add it in your account."
            )
            raise ApiError(403, "unknown_passkey", text)
        known = [_credential(row)]
        _read(lambda: _server(origin).authenticate_complete(challenge, known, answer))
    except ApiError:
        budget.spend()
        raise
    with durability("local"):
        Passkey.objects.filter(id=row.id).update(seen_at=timezone.now())
    return row.user


def row_id(credential: bytes) -> UUID:
    return uuid5(NAMESPACE_OID, credential.hex())


def _server(origin: str) -> Any:
    """For a page at this address, and for no other: a passkey works where it was made."""
    from fido2.server import Fido2Server
    from fido2.webauthn import PublicKeyCredentialRpEntity

    here = PublicKeyCredentialRpEntity(name="Firstbell", id=urlsplit(origin).hostname)
    return Fido2Server(here, verify_origin=lambda told: told == origin)


def _credential(row: Passkey) -> Any:
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(bytes(row.credential))


def _signed(state: Any, who: str) -> str:
    told = {"challenge": state["challenge"], "verify": state["user_verification"].value}
    return signing.dumps({**told, "who": who}, salt=SALT)


def _challenge(signed: str, who: str) -> dict[str, Any]:
    """Raises ApiError 400 `old_challenge`: it is not ours, too old, or for another use."""
    try:
        told = signing.loads(signed, salt=SALT, max_age=CHALLENGE_SECONDS)
    except signing.BadSignature:
        told = {}
    if told.get("who") != who:
        text = Message("This took too long. Please try again.")
        raise ApiError(400, "old_challenge", text)
    return {"challenge": told["challenge"], "user_verification": told["verify"]}


def _read(reading: Callable[[], T]) -> T:
    """What the library makes of bytes that anybody may have sent: it fails on them in many ways."""
    try:
        return reading()
    except Exception as error:
        raise _refused(str(error)) from None


def _refused(why: str) -> ApiError:
    text = Message("The passkey's answer can't be used: %(why)s.", why=why[:200])
    return ApiError(400, "bad_passkey", text)
