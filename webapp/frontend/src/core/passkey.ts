/**
 * The browser's side of passkeys: W3C Web Authentication level 3, in its JSON forms.
 *
 * A person who turns away from the browser's question has changed her mind: that is null, and no error.
 */
import { FirstbellError } from "./errors";
import { words } from "./words";

/** As hosts send it; `state` goes back to them unread. */
export interface PasskeyOptions {
  publicKey: unknown;
  state: string;
}

export interface PasskeyAnswer {
  state: string;
  credential: unknown;
}

/** Whether this browser can be asked in the way we ask: all can since 2025, on https and on localhost. */
export function knowsPasskeys(): boolean {
  return "PublicKeyCredential" in window && "parseRequestOptionsFromJSON" in PublicKeyCredential;
}

/** Throws FirstbellError `passkey_here` when the device has one of this person already. */
export function makePasskey({ publicKey, state }: PasskeyOptions): Promise<PasskeyAnswer | null> {
  const asked = publicKey as PublicKeyCredentialCreationOptionsJSON;
  return answered(state, () =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked),
    }),
  );
}

export function usePasskey({ publicKey, state }: PasskeyOptions): Promise<PasskeyAnswer | null> {
  const asked = publicKey as PublicKeyCredentialRequestOptionsJSON;
  return answered(state, () =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked),
    }),
  );
}

async function answered(
  state: string,
  ask: () => Promise<Credential | null>,
): Promise<PasskeyAnswer | null> {
  try {
    const credential = await ask();
    if (!(credential instanceof PublicKeyCredential)) return null;
    return { state, credential: credential.toJSON() };
  } catch (problem) {
    const name = problem instanceof DOMException ? problem.name : "";
    if (name === "NotAllowedError" || name === "AbortError") return null;
    if (name === "InvalidStateError") throw new FirstbellError("passkey_here", words.passkey.here);
    throw new FirstbellError("passkey_failed", words.passkey.failed);
  }
}
