import { describe, expect, test } from "vitest";
import { rank, score } from "../src/core/rank";

const names = ["host1", "host2", "host3", "host4", "host5"].map((name) => ({ name }));

// Computed with another implementation of SHA-256: int.from_bytes(sha256(b"host:session")[:8]).
const VECTORS: [string, string[], bigint][] = [
  [
    "01a00000-0000-7000-8000-000000000001",
    ["host4", "host2", "host5", "host3", "host1"],
    2295651479223927369n,
  ],
  [
    "0192f0c1-2b3c-7d4e-8f50-a1b2c3d4e5f6",
    ["host5", "host2", "host4", "host1", "host3"],
    8350986523076675299n,
  ],
  [
    "5f0c2b1e-9d7a-4c36-8f65-0a4f1f3f9a10",
    ["host2", "host1", "host5", "host4", "host3"],
    16647379432839522064n,
  ],
];

describe("hosts are ranked by rendezvous hash", () => {
  test.each(VECTORS)("session %s", (session, order, first) => {
    expect(rank(names, session).map((host) => host.name)).toEqual(order);
    expect(score("host1", session)).toBe(first);
  });

  test("the session's letters may be upper case", () => {
    const [session] = VECTORS[1]!;
    expect(rank(names, session.toUpperCase())).toEqual(rank(names, session));
  });

  test("a host that leaves does not change the order of the others", () => {
    const [session, order] = VECTORS[0]!;
    const without = names.filter((host) => host.name !== order[0]);
    expect(rank(without, session).map((host) => host.name)).toEqual(order.slice(1));
  });
});
