/**
 * Which hosts there are: `/config.json`, served beside the pages.
 *
 * The last good answer is kept, so that a page that was opened once also starts when that file
 * cannot be fetched. Which host is used is decided elsewhere (hosts.ts for requests, rank.ts for
 * live sessions).
 */
import { load, save } from "./storage";

export interface Host {
  name: string;
  /** Origin of the API and of media, without a slash at the end. */
  api: string;
  /** Address of the realtime websocket. */
  realtime: string;
}

export interface Config {
  school_name?: string;
  hosts: Host[];
}

/** A page that waits longer for its own CDN than this starts from what it knew last time. */
const CONFIG_TIMEOUT_MS = 4_000;

export function parseConfig(value: unknown): Config {
  const config = value as Partial<Config> | null;
  const hosts = Array.isArray(config?.hosts) ? config.hosts : [];
  const usable = hosts.filter(
    (host) =>
      typeof host?.name === "string" &&
      typeof host.api === "string" &&
      typeof host.realtime === "string",
  );
  if (usable.length === 0) throw new Error("config.json names no host with name, api and realtime");
  const parsed: Config = {
    hosts: usable.map((host) => ({ ...host, api: host.api.replace(/\/+$/, "") })),
  };
  if (typeof config?.school_name === "string") parsed.school_name = config.school_name;
  return parsed;
}

export async function fetchConfig(): Promise<Config> {
  try {
    const answer = await fetch("/config.json", { signal: AbortSignal.timeout(CONFIG_TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`config.json answered ${answer.status}`);
    const config = parseConfig(await answer.json());
    save("config", config);
    return config;
  } catch (error) {
    const known = load<Config | null>("config", null);
    if (known === null) throw error;
    return parseConfig(known);
  }
}
