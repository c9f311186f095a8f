/** What the account pages ask the API. Each write names itself, so that it may be repeated on any host. */
import type { Api } from "../core/api";
import type { PasskeyAnswer, PasskeyOptions } from "../core/passkey";

export interface Device {
  id: string;
  device: string;
  created_at: string;
  seen_at: string;
  current: boolean;
}

export interface Passkey {
  id: string;
  device: string;
  created_at: string;
  seen_at: string | null;
}

export interface Invitation {
  id: string;
  email: string;
  state: "open" | "accepted" | "withdrawn" | "expired";
  mail: "waiting" | "sent" | "failed";
  invited_by: string;
  created_at: string;
  expires_at: string;
}

export interface Offer {
  school: string;
  email: string;
  invited_by: string;
  state: Invitation["state"];
  expires_at: string;
}

export interface NewAccount {
  username: string;
  first_name: string;
  last_name: string;
  password: string;
}

const V1 = "/api/v1";

export const changePassword = (api: Api, old: string, fresh: string): Promise<unknown> =>
  api.ask("PUT", `${V1}/session/password`, { old, new: fresh });

export const askReset = (api: Api, id: string, email: string): Promise<unknown> =>
  api.ask("PUT", `${V1}/password-resets/${id}`, { email });

export const reset = (api: Api, user: string, token: string, password: string) =>
  api.ask<{ username: string }>("PUT", `${V1}/password`, { user, token, password });

export const devices = async (api: Api): Promise<Device[]> =>
  (await api.ask<{ results: Device[] }>("GET", `${V1}/sign-ins`)).results;

export const endDevice = (api: Api, id: string): Promise<unknown> =>
  api.ask("DELETE", `${V1}/sign-ins/${id}`);

export const endOtherDevices = (api: Api): Promise<unknown> => api.ask("DELETE", `${V1}/sign-ins`);

export const passkeys = async (api: Api): Promise<Passkey[]> =>
  (await api.ask<{ results: Passkey[] }>("GET", `${V1}/passkeys`)).results;

export const passkeyOptions = (api: Api, password: string) =>
  api.ask<PasskeyOptions>("POST", `${V1}/passkeys/options`, { password });

export const addPasskey = (api: Api, answer: PasskeyAnswer): Promise<unknown> =>
  api.ask("POST", `${V1}/passkeys`, answer);

export const removePasskey = (api: Api, id: string): Promise<unknown> =>
  api.ask("DELETE", `${V1}/passkeys/${id}`);

export const invitations = async (api: Api): Promise<Invitation[]> =>
  (await api.ask<{ results: Invitation[] }>("GET", `${V1}/invitations`)).results;

export const invite = (api: Api, id: string, email: string) =>
  api.ask<Invitation>("PUT", `${V1}/invitations/${id}`, { email });

export const withdraw = (api: Api, id: string): Promise<unknown> =>
  api.ask("DELETE", `${V1}/invitations/${id}`);

export const offer = (api: Api, id: string, key: string) =>
  api.ask<Offer>("GET", `${V1}/invitations/${id}/account`, undefined, key);

export const accept = (api: Api, id: string, key: string, account: NewAccount) =>
  api.ask<{ username: string }>("PUT", `${V1}/invitations/${id}/account`, account, key);
