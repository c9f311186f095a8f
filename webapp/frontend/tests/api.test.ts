import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Api } from "../src/core/api";
import { ApiError, UnreachableError } from "../src/core/errors";
import { Hosts } from "../src/core/hosts";
import { makeHosts, MemoryStorage } from "./helpers";

interface Seen {
  host: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  credentials: string;
}

let seen: Seen[];
let answers: Record<string, (seen: Seen) => Response | Promise<Response>>;
let api: Api;
let hosts: Hosts;

function json(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

const LIST = { results: [] };

beforeEach(() => {
  localStorage.clear();
  seen = [];
  answers = {};
  vi.stubGlobal("fetch", (url: string, init: RequestInit) => {
    const { hostname, pathname } = new URL(url);
    const host = hostname.split(".")[0] ?? "";
    const one: Seen = {
      host,
      method: init.method ?? "GET",
      path: pathname,
      headers: init.headers as Record<string, string>,
      credentials: String(init.credentials),
    };
    seen.push(one);
    const answer = answers[host];
    return answer ? Promise.resolve(answer(one)) : Promise.reject(new TypeError("refused"));
  });
  hosts = new Hosts(makeHosts(3), {
    storage: new MemoryStorage(),
    random: () => 0,
    now: () => 0,
    probe: () => Promise.resolve(true),
    later: () => undefined,
  });
  api = new Api(hosts, "teacher");
});

afterEach(() => void vi.unstubAllGlobals());

describe("the API as the page calls it", () => {
  test("keeps the position and sends it to whichever host is asked next", async () => {
    answers["host1"] = () => json(200, LIST, { "Firstbell-Position": "1:10" });
    await api.lessons();
    delete answers["host1"];
    answers["host2"] = () => json(200, LIST, { "Firstbell-Position": "1:10,2:3" });
    await api.lessons();
    expect(seen.map((one) => [one.host, one.headers["Firstbell-Position"]])).toEqual([
      ["host1", undefined],
      ["host1", "1:10"],
      ["host2", "1:10"],
    ]);
    expect(api.position).toBe("1:10,2:3");
  });

  test("goes on with what there is, and says so, when a dead host alone knew more", async () => {
    let told = 0;
    api.onOlder = () => void told++;
    api.adoptPosition("1:10");
    const behindFor = (one: Seen) =>
      one.headers["Firstbell-Position"] === "1:10"
        ? json(409, { code: "behind", message: "…" })
        : json(200, LIST, { "Firstbell-Position": "2:7" });
    answers["host2"] = behindFor;
    answers["host3"] = behindFor;
    await api.lessons();
    expect(told).toBe(1);
    expect(api.position).toBe("2:7");
    expect(seen.filter((one) => one.headers["Firstbell-Position"]).map((one) => one.host)).toEqual([
      "host1",
      "host2",
      "host3",
    ]);
  });

  test("keeps the position when hosts only do not answer", async () => {
    api.adoptPosition("1:10");
    await expect(api.lessons()).rejects.toThrow(UnreachableError);
    expect(api.position).toBe("1:10");
  });

  test.each([
    ["a gateway error", () => new Response("<h1>Bad Gateway</h1>", { status: 502 })],
    ["a host whose database died", () => json(500, { code: "server_error", message: "…" })],
    ["a host that is not ready", () => json(503, { code: "unavailable", message: "…" })],
    ["a host that is behind", () => json(409, { code: "behind", message: "…" })],
  ])("goes to the next host after %s, and sets that one aside", async (_, answer) => {
    answers["host1"] = answer;
    answers["host2"] = () => json(200, LIST);
    await api.lessons();
    await api.lessons();
    expect(seen.map((one) => one.host)).toEqual(["host1", "host2", "host2"]);
  });

  test("repeats a write on the next host with the same version", async () => {
    answers["host2"] = (one) => json(200, { id: one.path });
    await api.saveLesson("x", { title: "t", markdown: "", version: "v", base_version: null });
    expect(seen.map((one) => `${one.method} ${one.host}`)).toEqual(["PUT host1", "PUT host2"]);
  });

  test("does not take a refusal for a failure of the host", async () => {
    answers["host1"] = () =>
      json(412, { code: "version_conflict", message: "No.", fields: {}, current: { id: "x" } });
    const saving = api.saveLesson("x", {
      title: "t",
      markdown: "",
      version: "v",
      base_version: "u",
    });
    await expect(saving).rejects.toMatchObject({
      status: 412,
      code: "version_conflict",
      body: { current: { id: "x" } },
    });
    expect(seen).toHaveLength(1);
  });

  test("says in plain words that nothing can be reached", async () => {
    await expect(api.lessons()).rejects.toThrow(UnreachableError);
    await expect(api.lessons()).rejects.toThrow(/check the network and try again/);
  });

  test("sends the CSRF token with writes, and fetches a new one when it is stale", async () => {
    let token = "old";
    answers["host1"] = (one) => {
      if (one.path === "/api/v1/session") return json(200, { user: {}, csrf_token: token });
      if (one.headers["X-CSRFToken"] !== token)
        return json(403, { code: "csrf_failed", message: "…" });
      return new Response(null, { status: 204 });
    };
    await api.signIn("ada", "secret");
    token = "new";
    await api.deleteLesson("x");
    expect(seen.at(-1)?.headers["X-CSRFToken"]).toBe("new");
  });

  test("forgets a position that no host understands, and asks again without it", async () => {
    answers["host1"] = (one) =>
      one.headers["Firstbell-Position"]
        ? json(400, { code: "bad_position", message: "…" })
        : json(200, LIST);
    api.adoptPosition("from an older installation");
    await api.lessons();
    expect(seen).toHaveLength(2);
    expect(api.position).toBe("");
  });

  test("asks for a board's lesson with its token and without cookies", async () => {
    answers["host1"] = () => json(200, { id: "l" });
    await api.taughtLesson("s", "l", "jwt");
    expect(seen[0]).toMatchObject({ credentials: "omit", path: "/api/v1/teachings/s/lessons/l" });
    expect(seen[0]?.headers["Authorization"]).toBe("Bearer jwt");
  });

  test("a wrong password is an answer, not an outage", async () => {
    answers["host1"] = () =>
      json(403, { code: "wrong_credentials", message: "No match.", fields: {} });
    await expect(api.signIn("ada", "x")).rejects.toThrow(ApiError);
    expect(seen).toHaveLength(1);
  });
});

describe.each(["en", "nl"])("a page in %s", (language) => {
  test("asks hosts to answer in it, whichever way a request goes", async () => {
    localStorage.setItem("firstbell.language", JSON.stringify(language));
    vi.resetModules();
    const { Api: PageApi } = await import("../src/core/api");
    const uploads: Record<string, string> = {};
    vi.stubGlobal("XMLHttpRequest", fakeXhr(uploads));
    answers["host1"] = () => json(200, LIST);
    const pageApi = new PageApi(hosts, "teacher");
    await pageApi.lessons();
    await pageApi.importFile("i", new File(["# Tides"], "tides.md"), () => undefined);
    expect(seen[0]?.headers["Accept-Language"]).toBe(language);
    expect(uploads["Accept-Language"]).toBe(language);
  });
});

/** Answers everything well, and writes down the headers it was given. */
function fakeXhr(headers: Record<string, string>) {
  return class {
    upload = {};
    status = 200;
    responseText = "{}";
    onload: () => void = () => undefined;
    open = () => undefined;
    setRequestHeader = (name: string, value: string) => (headers[name] = value);
    getResponseHeader = () => null;
    send = () => queueMicrotask(() => this.onload());
  };
}
