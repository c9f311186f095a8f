/**
 * The API as typed calls: what the rest of the page uses.
 *
 * It keeps the position (what this browser was told, it can read on any host), sends the CSRF
 * token, and turns refusals into ApiError. It keeps no lessons (lesson/cache.ts does).
 */
import { v7 as uuid7 } from "uuid";
import type { Host } from "./config";
import { ApiError, BehindError } from "./errors";
import { HostFailed, tryHosts } from "./failover";
import { Hosts } from "./hosts";
import { language } from "./language";
import { Latency } from "./latency";
import { usePasskey, type PasskeyOptions } from "./passkey";
import { forget, load, save } from "./storage";
import { carry, type ApiAnswer, type ApiRequest } from "./transport";
import type {
  ImportResult,
  Lesson,
  LessonDraft,
  LessonSummary,
  Program,
  SessionAnswer,
  SharedLesson,
  Teaching,
  TeachingSummary,
} from "./types";
import { words } from "./words";

/** A read may take this long on each host; long before that it was hedged. */
const READ_TIMEOUT_MS = 10_000;
/** A write waits for a second host to have it, which is allowed to take a while. */
const WRITE_TIMEOUT_MS = 15_000;
/** A deck with figures over a school's uplink. */
const IMPORT_TIMEOUT_MS = 180_000;
/** After this long without an answer to a write, its host is asked whether it is ready at all. */
const WRITE_DOUBT_MS = 1_000;

/** A reload ends what is under way about now: that says nothing of the hosts that were asked. */
const LEAVING_MS = 1_000;
let leftAt = -Infinity;
window.addEventListener("pagehide", () => (leftAt = performance.now()));
const isLeaving = (): boolean => performance.now() - leftAt < LEAVING_MS;

const CSRF_KEY = "csrf";

interface Call {
  method: ApiRequest["method"];
  path: string;
  json?: unknown;
  file?: Blob;
  headers?: Record<string, string>;
  /** A board's or teacher's role token: then no cookie is sent. */
  token?: string;
  onProgress?: (share: number) => void;
  /** The answer is a file, not JSON. */
  binary?: boolean;
}

export class Api {
  private readonly latency = new Latency();
  private csrf = load<string>(CSRF_KEY, "");
  /** Told when no host has all that this browser was told, so that answers may now be older than that. */
  onOlder: () => void = () => undefined;

  /** `page`: a board in the same browser must not set the teacher's position back. */
  constructor(
    readonly hosts: Hosts,
    private readonly page: "teacher" | "board",
  ) {}

  signIn(username: string, password: string): Promise<SessionAnswer> {
    return this.session({ method: "POST", path: "/api/v1/session", json: { username, password } });
  }

  /** By the device's own lock. null: the person turned away from it. */
  async signInByPasskey(): Promise<SessionAnswer | null> {
    const path = "/api/v1/session/passkey";
    const options = await this.ask<PasskeyOptions>("POST", `${path}/options`, {});
    const json = await usePasskey(options);
    return json && this.session({ method: "POST", path, json });
  }

  me(): Promise<SessionAnswer> {
    return this.session({ method: "GET", path: "/api/v1/session" });
  }

  async signOut(): Promise<void> {
    await this.call({ method: "DELETE", path: "/api/v1/session" });
    this.setCsrf("");
  }

  async lessons(): Promise<LessonSummary[]> {
    const body = await this.call({ method: "GET", path: "/api/v1/lessons" });
    return (body as { results: LessonSummary[] }).results;
  }

  async lesson(id: string): Promise<Lesson> {
    return (await this.call({ method: "GET", path: `/api/v1/lessons/${id}` })) as Lesson;
  }

  /** Saving again with the same version is harmless. A conflict is an ApiError of status 412. */
  async saveLesson(id: string, draft: LessonDraft): Promise<Lesson> {
    return (await this.call({
      method: "PUT",
      path: `/api/v1/lessons/${id}`,
      json: draft,
    })) as Lesson;
  }

  async deleteLesson(id: string): Promise<void> {
    await this.call({ method: "DELETE", path: `/api/v1/lessons/${id}` });
  }

  /** What colleagues share with the school. */
  async schoolLessons(): Promise<SharedLesson[]> {
    const body = await this.call({ method: "GET", path: "/api/v1/school/lessons" });
    return (body as { results: SharedLesson[] }).results;
  }

  async shareLesson(id: string, shared: boolean): Promise<void> {
    await this.call({ method: shared ? "PUT" : "DELETE", path: `/api/v1/lessons/${id}/sharing` });
  }

  /** A zip of the lesson's Markdown and figures, or of its slides as a deck of another program. */
  async lessonArchive(id: string, program?: Program): Promise<Blob> {
    return (await this.call({
      method: "GET",
      path: `/api/v1/lessons/${id}/archive${program ? `?for=${program}` : ""}`,
      binary: true,
    })) as Blob;
  }

  /** `name`: <sha256>.<extension>. Returns the figure's address. */
  async putFigure(name: string, file: Blob, onProgress: (share: number) => void): Promise<string> {
    const answer = await this.call({
      method: "PUT",
      path: `/api/v1/media/${name}`,
      file,
      headers: { "Content-Type": file.type || "application/octet-stream" },
      onProgress,
    });
    return (answer as { url: string }).url;
  }

  /** A Markdown file, a reveal.js deck, or a zip of such and figures. */
  async importFile(
    id: string,
    file: File,
    onProgress: (share: number) => void,
  ): Promise<ImportResult> {
    const zip = /\.zip$/i.test(file.name) || file.type.includes("zip");
    const html = /\.html?$/i.test(file.name);
    return (await this.call({
      method: "PUT",
      path: `/api/v1/imports/${id}?filename=${encodeURIComponent(file.name)}`,
      file,
      headers: { "Content-Type": zip ? "application/zip" : html ? "text/html" : "text/markdown" },
      onProgress,
    })) as ImportResult;
  }

  async teachings(): Promise<TeachingSummary[]> {
    const body = await this.call({ method: "GET", path: "/api/v1/teachings" });
    return (body as { results: TeachingSummary[] }).results;
  }

  async teach(id: string, lesson: string): Promise<Teaching> {
    return (await this.call({
      method: "PUT",
      path: `/api/v1/teachings/${id}`,
      json: { lesson },
    })) as Teaching;
  }

  /** What a board shows: asked with the role token, not with anybody's session. */
  async taughtLesson(teaching: string, lesson: string, token: string): Promise<Lesson> {
    return (await this.call({
      method: "GET",
      path: `/api/v1/teachings/${teaching}/lessons/${lesson}`,
      token,
    })) as Lesson;
  }

  /** Any other call; `token` is sent instead of the cookie. Throws ApiError or UnreachableError. */
  async ask<T = unknown>(
    method: ApiRequest["method"],
    path: string,
    json?: unknown,
    token?: string,
  ): Promise<T> {
    return (await this.call({ method, path, json, ...(token ? { token } : {}) })) as T;
  }

  /** What pairing said the board must be able to read: see "position" in PROTOCOL.md. */
  adoptPosition(position: string): void {
    if (position) save(`position.${this.page}`, position);
  }

  private forgetPosition(): void {
    forget(`position.${this.page}`);
  }

  get position(): string {
    return load<string>(`position.${this.page}`, "");
  }

  private async session(call: Call): Promise<SessionAnswer> {
    const answer = (await this.call(call)) as SessionAnswer;
    this.setCsrf(answer.csrf_token);
    return answer;
  }

  private async call(call: Call): Promise<unknown> {
    const answer = await this.send(call);
    if (answer.status < 400) return answer.body;
    if (hasCode(answer, 400, /^bad_position$/) && this.position) {
      // Kept from an older installation at this address; it names nothing here.
      this.forgetPosition();
      return this.call(call);
    }
    if (isStaleCsrf(answer) && call.path !== "/api/v1/session") {
      // Another tab signed in anew and so changed the token: fetch it, then ask once more.
      await this.me();
      const again = await this.send(call);
      if (again.status < 400) return again.body;
      throw refusal(again);
    }
    throw refusal(answer);
  }

  private async send(call: Call): Promise<ApiAnswer> {
    try {
      return await this.sendOnce(call);
    } catch (error) {
      if (!(error instanceof BehindError) || !this.position) throw error;
      // What only a dead host knew is not worth a lesson: go on with what there is, and say so.
      this.forgetPosition();
      this.onOlder();
      return this.sendOnce(call);
    }
  }

  private async sendOnce(call: Call): Promise<ApiAnswer> {
    const reading = call.method === "GET";
    const sentPosition = this.position;
    const request = this.build(call, sentPosition);
    const answer = await tryHosts(this.hosts.order(), this.attempt(request), {
      hedgeAfterMs: reading && !call.binary ? this.latency.hedgeAfterMs : null,
      onAnswered: (host) => this.hosts.restore(host),
      onFailed: (host) => {
        if (navigator.onLine !== false && !isLeaving()) this.hosts.setAside(host);
      },
      onOvertaken: (host) => void this.hosts.check(host),
    });
    const position = answer.header("Firstbell-Position");
    // A read that overlapped a write rests on less than the write's answer: keep the write's.
    if (position && (!reading || this.position === sentPosition)) this.adoptPosition(position);
    return answer;
  }

  private build(call: Call, position: string): ApiRequest {
    const headers: Record<string, string> = {
      Accept: "application/json",
      // What hosts say to people they say in the page's language, which may not be the browser's.
      "Accept-Language": language,
      ...call.headers,
    };
    if (position) headers["Firstbell-Position"] = position;
    if (call.token) headers["Authorization"] = `Bearer ${call.token}`;
    else if (call.method !== "GET" && this.csrf) headers["X-CSRFToken"] = this.csrf;
    const request: ApiRequest = {
      method: call.method,
      path: call.path,
      headers,
      credentials: call.token ? "omit" : "include",
      timeoutMs: timeoutFor(call),
    };
    if (call.json !== undefined) {
      headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(call.json);
    }
    if (call.file) request.body = call.file;
    if (call.onProgress) request.onProgress = call.onProgress;
    if (call.binary) request.binary = true;
    return request;
  }

  private attempt(request: ApiRequest) {
    return async (host: Host, signal: AbortSignal): Promise<ApiAnswer> => {
      if (request.method !== "GET") return this.carryWrite(host, request, signal);
      const started = performance.now();
      const answer = await carry(host, request, signal);
      this.latency.add(performance.now() - started);
      return answer;
    };
  }

  /** A write is not hedged; one that hangs gives up its host as soon as that host is not ready. */
  private carryWrite(host: Host, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    return new Promise((resolve, reject) => {
      const doubt = setTimeout(() => {
        void this.hosts.check(host).then((ready) => {
          if (!ready) reject(new HostFailed(`${host.name} is not ready`));
        });
      }, WRITE_DOUBT_MS);
      carry(host, request, signal)
        .then(resolve, reject)
        .finally(() => clearTimeout(doubt));
    });
  }

  private setCsrf(token: string): void {
    this.csrf = token;
    save(CSRF_KEY, token);
  }
}

export function newId(): string {
  return uuid7();
}

function timeoutFor(call: Call): number {
  if (call.file || call.binary) return IMPORT_TIMEOUT_MS;
  return call.method === "GET" ? READ_TIMEOUT_MS : WRITE_TIMEOUT_MS;
}

function isStaleCsrf(answer: ApiAnswer): boolean {
  return hasCode(answer, 403, /csrf/);
}

function hasCode(answer: ApiAnswer, status: number, pattern: RegExp): boolean {
  const code = String((answer.body as { code?: unknown } | null)?.code ?? "");
  return answer.status === status && pattern.test(code);
}

const PLAIN_WORDS: Record<number, string> = {
  401: words.errors.signInAgain,
  403: words.errors.notYours,
  404: words.errors.gone,
  413: words.errors.tooLarge,
  429: words.errors.tooManyTries,
};

function refusal(answer: ApiAnswer): ApiError {
  const body = (answer.body ?? {}) as Record<string, unknown>;
  const message =
    typeof body["message"] === "string" && body["message"] !== ""
      ? body["message"]
      : (PLAIN_WORDS[answer.status] ?? words.errors.refused(answer.status));
  const code = typeof body["code"] === "string" ? body["code"] : `http_${answer.status}`;
  const fields = (body["fields"] ?? {}) as Record<string, unknown>;
  return new ApiError(answer.status, code, message, fields, body);
}
