/**
 * A board that is remembered need not stay with the teacher of yesterday: it waits again, for all who know it.
 *
 * Others stay paired until somebody ends it, since they would need a code.
 */
import { useEffect } from "preact/hooks";
import { load, save } from "../core/storage";
import type { LiveSession } from "../live/session";
import type { BoardRooms } from "./rooms";

/** Longer than a break, shorter than a night. */
const GONE_MS = 4 * 3600 * 1_000;
const LOOK_MS = 60_000;
const KEY = "board-teacher-at";

/** A board was paired: its teacher is here. */
export function noteTeacher(): void {
  save(KEY, Date.now());
}

export function isGone(now = Date.now()): boolean {
  return now - load<number>(KEY, now) > GONE_MS;
}

/** Calls `free` when the teacher has been away for hours, this board being remembered for somebody. */
export function useFreedOvernight(session: LiveSession, rooms: BoardRooms, free: () => void): void {
  useEffect(() => {
    const look = async (): Promise<void> => {
      if (session.presence.present.peek().some((one) => one.role === "teacher")) noteTeacher();
      else if (isGone() && (await rooms.refresh())) free();
    };
    void look();
    const timer = setInterval(() => void look(), LOOK_MS);
    return () => clearInterval(timer);
  }, [session]);
}
