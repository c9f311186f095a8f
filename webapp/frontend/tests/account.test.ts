import { describe, expect, test } from "vitest";
import { go, parseRoute, route, type Route } from "../src/teacher/state";

describe("places of the account pages", () => {
  const places: [string, Route][] = [
    ["#/account", { page: "account" }],
    ["#/forgot", { page: "forgot" }],
    ["#/reset/0190-u/c1a-5f", { page: "reset", user: "0190-u", token: "c1a-5f" }],
    ["#/join/0190-i/Ab_-9", { page: "join", invitation: "0190-i", secret: "Ab_-9" }],
  ];

  test.each(places)("%s is read as it was written", (hash, place) => {
    expect(parseRoute(hash)).toEqual(place);
    location.hash = hash;
    go(place);
    expect(route.value).toEqual(place);
    expect(location.hash).toBe(hash);
  });

  test("half a link leads to the lessons, where one can sign in", () => {
    for (const hash of ["#/reset/only-a-user", "#/join/only-an-id", "#/reset", "#/nonsense"]) {
      expect(parseRoute(hash)).toEqual({ page: "lessons" });
    }
  });
});
