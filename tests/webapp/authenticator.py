"""An authenticator in software: what a laptop's fingerprint reader does in a browser, and what a liar may do.

Written from W3C Web Authentication level 3, sections 6.1 (authenticator data), 6.5 (attestation object), 5.8.1 (client data).
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

from tests.webapp.support import PASSWORD, Client

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Authenticator:
    """Holds one passkey. `origin`: of the page that it believes to be on; `flags`: whom it says it has seen."""

    origin: str
    flags: int = PRESENT | VERIFIED
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.create().toJSON()"""
        numbers = self.key.public_key().public_numbers()
        public = {
            1: 2, 3: -7, -1: 1,  # an EC key, ES256, P-256
            -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big"),
        }  # fmt: skip
        told = self._told(ATTESTED) + bytes(16) + len(self.id).to_bytes(2, "big") + self.id
        attestation = {"fmt": "none", "attStmt": {}, "authData": told + cbor.encode(public)}
        return self._answer(
            clientDataJSON=text(self._client("webauthn.create", options)),
            attestationObject=text(cbor.encode(attestation)),
        )

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.get().toJSON()"""
        client, told = self._client("webauthn.get", options), self._told()
        signature = self.key.sign(told + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            clientDataJSON=text(client), authenticatorData=text(told), signature=text(signature)
        )

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        challenge = options["publicKey"]["challenge"]
        assert len(urlsafe_b64decode(challenge + "==")) >= 16
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _told(self, more: int = 0) -> bytes:
        host = self.origin.split("://")[1].split(":")[0]
        return hashlib.sha256(host.encode()).digest() + bytes([self.flags | more]) + bytes(4)

    def _answer(self, **response: str) -> dict[str, Any]:
        return {
            "id": text(self.id),
            "rawId": text(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }


def add(owner: Client, device: Authenticator) -> Any:
    """The answer to adding a passkey of this device to the account of who is signed in."""
    options = owner.ask("POST", "passkeys/options", json={"password": PASSWORD})
    assert options.status_code == 200, options.text
    made = device.create(options.json())
    return owner.ask(
        "POST", "passkeys", json={"state": options.json()["state"], "credential": made}
    )


def sign_in(
    visitor: Client, device: Authenticator, change: Callable[[dict], None] | None = None
) -> Any:
    """The answer to signing in by it; `change` is what a liar does to what is sent."""
    options = visitor.ask("POST", "session/passkey/options", json={})
    assert options.status_code == 200, options.text
    body = {"state": options.json()["state"], "credential": device.get(options.json())}
    if change:
        change(body)
    return visitor.ask("POST", "session/passkey", json=body)
