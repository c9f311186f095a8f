/**
 * Carries one request to one host and tells an answer from a failure of that host.
 *
 * It knows nothing of lessons or sessions. Uploads with progress go by XMLHttpRequest, since fetch
 * cannot report how much was sent.
 */
import type { Host } from "./config";
import { HostBehind, HostFailed } from "./failover";

export interface ApiRequest {
  method: "GET" | "PUT" | "POST" | "DELETE";
  /** Begins with a slash. */
  path: string;
  headers: Record<string, string>;
  body?: string | Blob;
  /** "omit" for boards, which are nobody's session. */
  credentials: "include" | "omit";
  timeoutMs: number;
  /** Called with the share that was sent, 0 to 1. */
  onProgress?: (share: number) => void;
  /** A good answer's body is a file, given as a Blob. */
  binary?: boolean;
}

export interface ApiAnswer {
  status: number;
  body: unknown;
  header: (name: string) => string | null;
}

/**
 * Statuses that speak of the host, not of the request. 500 is among them: a host whose database
 * was just killed answers it, and asking another host is always harmless.
 */
const HOST_FAILURES = new Set([500, 502, 503, 504]);

export function isHostFailure(status: number, body: unknown): boolean {
  return HOST_FAILURES.has(status) || isBehind(status, body);
}

function isBehind(status: number, body: unknown): boolean {
  return status === 409 && (body as { code?: unknown } | null)?.code === "behind";
}

export async function carry(
  host: Host,
  request: ApiRequest,
  signal: AbortSignal,
): Promise<ApiAnswer> {
  const answer = await (request.onProgress ? byXhr : byFetch)(host, request, signal);
  if (isHostFailure(answer.status, answer.body)) {
    const Failure = isBehind(answer.status, answer.body) ? HostBehind : HostFailed;
    throw new Failure(`${host.name} answered ${answer.status}`);
  }
  return answer;
}

async function byFetch(host: Host, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), request.timeoutMs);
  signal.addEventListener("abort", () => limit.abort());
  const init: RequestInit = {
    method: request.method,
    headers: request.headers,
    credentials: request.credentials,
    cache: "no-store",
    signal: limit.signal,
  };
  if (request.body !== undefined) init.body = request.body;
  try {
    const response = await fetch(host.api + request.path, init);
    const body =
      request.binary && response.ok ? await response.blob() : parseBody(await response.text());
    return {
      status: response.status,
      body,
      header: (name) => response.headers.get(name),
    };
  } catch (error) {
    throw new HostFailed(`${host.name}: ${String(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

function byXhr(host: Host, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    const fail = (what: string) => () => reject(new HostFailed(`${host.name}: ${what}`));
    xhr.open(request.method, host.api + request.path);
    xhr.withCredentials = request.credentials === "include";
    xhr.timeout = request.timeoutMs;
    for (const [name, value] of Object.entries(request.headers)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => {
      if (event.lengthComputable) request.onProgress?.(event.loaded / event.total);
    };
    xhr.onload = () =>
      resolve({
        status: xhr.status,
        body: parseBody(xhr.responseText),
        header: (name) => xhr.getResponseHeader(name),
      });
    xhr.onerror = fail("network error");
    xhr.ontimeout = fail("timeout");
    xhr.onabort = fail("aborted");
    signal.addEventListener("abort", () => xhr.abort());
    xhr.send(request.body ?? null);
  });
}

/** A front door that is half up answers HTML: that is no body for us, and never an exception. */
function parseBody(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
