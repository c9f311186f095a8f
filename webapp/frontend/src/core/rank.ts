/**
 * In which order the hosts are tried for a teaching session.
 *
 * Rendezvous hashing: teacher and board each work out the same order from the session's UUID, so
 * that nearly all pairs meet on one host without asking anybody. The server must never need this.
 */
import { digest } from "lib0/hash/sha256";

/** The first 8 bytes, big-endian, of SHA-256("host:session"). */
export function score(hostName: string, session: string): bigint {
  // Not crypto.subtle: it is asynchronous, and absent on plain-HTTP test installations.
  const hash = digest(new TextEncoder().encode(`${hostName}:${session.toLowerCase()}`));
  return new DataView(hash.buffer, hash.byteOffset).getBigUint64(0, false);
}

/** Highest score first; equal scores (never seen) by name, so that the order is total. */
export function rank<T extends { name: string }>(hosts: readonly T[], session: string): T[] {
  return hosts
    .map((host) => ({ host, score: score(host.name, session) }))
    .sort((a, b) =>
      a.score === b.score ? (a.host.name < b.host.name ? -1 : 1) : a.score > b.score ? -1 : 1,
    )
    .map(({ host }) => host);
}
