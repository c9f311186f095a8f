/**
 * The teacher's side of a teaching session: one per teacher on this device, kept over lessons and
 * reloads, so that boards stay paired.
 *
 * It fetches the role token, says which lesson is shown, and steers. All of it works without any
 * server: the document goes on here, and the token is asked for again until a host gives one.
 */
import { effect } from "@preact/signals";
import { newId, type Api } from "../core/api";
import { ApiError } from "../core/errors";
import { load, save } from "../core/storage";
import type { Lesson, User } from "../core/types";
import { InkHistory } from "../ink/history";
import { accept } from "../ink/offers";
import { Ink } from "../ink/strokes";
import type { Deck } from "../lesson/deck";
import { clampPlace, nextPlace, previousPlace, type Place } from "../lesson/steps";
import { CLOSE } from "../live/protocol";
import { LiveSession } from "../live/session";
import {
  readLesson,
  readPlace,
  writeBlank,
  writeBoardsDraw,
  writeLesson,
  writePlace,
  writeTimer,
  writeZoom,
  type Blank,
  type PairedBoard,
  type Timer,
} from "../live/show";
import { TeacherPairing } from "./pairing";
import { Rooms } from "./rooms";
import { setUser, teachingKey } from "./state";

/** How long opening a lesson waits for the servers' copy of where the class is. */
const SYNC_WAIT_MS = 1_200;
/** How long it waits for a host to take note of the lesson. */
const TOKEN_WAIT_MS = 2_500;
/** The token is asked for again after this, when no host could be reached. */
const TOKEN_RETRY_MS = 4_000;
/** With a fresh token all teachers of a cluster would come back at once: they are spread over this. */
const COME_BACK_WITHIN_MS = 1_000;
/** A lesson opened again within this time goes on where it was; later it starts at the beginning. */
const RESUME_WITHIN_MS = 12 * 3600 * 1_000;

interface Kept {
  id: string;
  token: string;
}

interface Left extends Place {
  at: number;
}

export class Classroom {
  readonly session: LiveSession;
  readonly pairing: TeacherPairing;
  readonly rooms: Rooms;
  readonly ink: Ink;
  readonly history: InkHistory;
  private readonly stopAccepting: () => void;
  private wantedLesson = "";
  private stopped = false;
  private refused = false;
  private retry: ReturnType<typeof setTimeout> | undefined;

  private constructor(
    private readonly api: Api,
    private readonly user: User,
    private readonly kept: Kept,
  ) {
    this.session = new LiveSession({
      session: kept.id,
      role: "teacher",
      token: () => this.kept.token,
      name: user.name || user.username,
      hosts: api.hosts.all,
      onControl: (message, line) => {
        this.pairing.received(message, line);
        this.rooms.received(message);
      },
      onRefused: (code) => {
        if (code === CLOSE.badToken || code === CLOSE.revoked) this.renewToken();
      },
    });
    this.rooms = new Rooms(api, this.session.links, user);
    this.pairing = new TeacherPairing(
      this.session.links,
      () => api.position,
      (board, name, proof) => void this.rooms.remember(board, name, proof),
    );
    this.ink = new Ink(this.session.doc, thisDevice());
    this.history = new InkHistory(this.ink);
    this.stopAccepting = effect(() => this.acceptOffers());
    this.rooms.start();
    if (kept.token) this.session.start();
  }

  static async enter(api: Api, user: User): Promise<Classroom> {
    const key = teachingKey(user);
    const known = load<Kept | null>(key, null);
    const kept = known?.id ? known : { id: (await newestTeaching(api)) ?? newId(), token: "" };
    save(key, kept);
    const classroom = new Classroom(api, user, kept);
    // Where the class is may be known on this device alone.
    await classroom.session.loaded;
    return classroom;
  }

  leave(): void {
    this.stopped = true;
    clearTimeout(this.retry);
    this.pairing.stop();
    this.rooms.stop();
    this.stopAccepting();
    this.ink.stop();
    this.session.stop();
  }

  /** Makes this the lesson that is shown. Resolves when it is, with or without servers. */
  async show(lesson: Lesson, deck: Deck): Promise<void> {
    this.wantedLesson = lesson.id;
    const { doc } = this.session;
    const known = readLesson(doc);
    const fetching = this.fetchToken();
    // A new lesson first has to be known to a host, or boards could not fetch it.
    if (known?.id !== lesson.id) await Promise.race([fetching, wait(TOKEN_WAIT_MS)]);
    if (!readLesson(doc)) await Promise.race([this.session.synced, wait(SYNC_WAIT_MS)]);
    if (this.wantedLesson !== lesson.id || this.stopped) return;
    this.ink.forgetOld();
    const shown = readLesson(doc);
    if (shown?.id === lesson.id && shown.version === lesson.version) return;
    const at = shown?.id === lesson.id ? readPlace(doc) : resumedPlace(lesson.id);
    this.write(lesson, clampPlace(at, deck.length, deck.stepsOf));
  }

  next(lesson: Lesson, deck: Deck): void {
    this.move(lesson, nextPlace(this.place(lesson, deck), deck.length, deck.stepsOf));
  }

  back(lesson: Lesson, deck: Deck): void {
    this.move(lesson, previousPlace(this.place(lesson, deck), deck.stepsOf));
  }

  jump(lesson: Lesson, deck: Deck, slide: number): void {
    this.move(lesson, clampPlace({ slide, step: 0 }, deck.length, deck.stepsOf));
  }

  toggleBlank(blank: Blank): void {
    const { doc, shown } = this.session;
    writeBlank(doc, shown.blank.peek() === blank ? "" : blank);
  }

  /** Enlarges a figure of the slide that is shown; null, or the same again: the whole slide. */
  enlarge(figure: number | null): void {
    const { doc, shown } = this.session;
    const same = figure === null || shown.zoom.peek()?.figure === figure;
    writeZoom(doc, same ? null : { slide: shown.place.peek().slide, figure });
  }

  /** Sends a board away: at once where it is connected, and for good wherever it comes back. */
  endBoard({ pairing }: PairedBoard): void {
    this.pairing.revoke(pairing);
    void this.rooms.endPairing(this.kept.id, pairing);
  }

  /** The same, and it needs a code again. */
  forgetBoard(board: PairedBoard): void {
    this.endBoard(board);
    for (const room of this.rooms.remembered.peek()) {
      if (room.name === board.name) void this.rooms.forget(room.board);
    }
  }

  /** All boards of this teacher, those of other lessons and other days too. */
  forgetAllBoards(): void {
    for (const board of this.session.shown.boards.peek()) {
      if (!board.revoked) this.pairing.revoke(board.pairing);
    }
    void this.rooms.forgetAll();
  }

  letBoardsDraw(allowed: boolean): void {
    writeBoardsDraw(this.session.doc, allowed);
  }

  private acceptOffers(): void {
    const { shown, presence } = this.session;
    const lesson = shown.lesson.value;
    if (!shown.boardsDraw.value || !lesson) return;
    for (const { board, ink } of presence.offers.value) accept(this.ink, ink, board, lesson.id);
  }

  setTimer(timer: Timer | null): void {
    writeTimer(this.session.doc, timer);
  }

  /** Where the class is in this lesson. */
  place(lesson: Lesson, deck: Deck): Place {
    const here = this.session.shown.lesson.value?.id === lesson.id;
    const at = this.session.shown.place.value;
    return here ? clampPlace(at, deck.length, deck.stepsOf) : { slide: 0, step: 0 };
  }

  private move(lesson: Lesson, to: Place): void {
    if (readLesson(this.session.doc)?.id === lesson.id) writePlace(this.session.doc, to);
    else this.write(lesson, to);
    save(`left.${lesson.id}`, { ...to, at: Date.now() } satisfies Left);
  }

  private write(lesson: Lesson, at: Place): void {
    // With the position, a board's host first waits until it has the lesson we speak of.
    writeLesson(
      this.session.doc,
      { id: lesson.id, version: lesson.version, position: this.api.position },
      at,
    );
  }

  private async fetchToken(): Promise<void> {
    clearTimeout(this.retry);
    if (this.stopped || !this.wantedLesson) return;
    try {
      const teaching = await this.api.teach(this.kept.id, this.wantedLesson);
      const first = this.kept.token === "";
      this.keep({ id: this.kept.id, token: teaching.token });
      if (first) this.session.start();
      else if (this.refused) this.comeBack();
    } catch (problem) {
      // Refused is refused: only a host that could not be reached is worth asking again.
      if (!(problem instanceof ApiError)) {
        this.retry = setTimeout(() => void this.fetchToken(), TOKEN_RETRY_MS);
      } else if (problem.status === 401) setUser(null);
    }
  }

  /** The sockets wait for a fresh token; without one they would only be refused again. */
  private renewToken(): void {
    this.refused = true;
    void this.fetchToken();
  }

  private comeBack(): void {
    this.refused = false;
    setTimeout(() => {
      if (!this.stopped) this.session.links.restart();
    }, Math.random() * COME_BACK_WITHIN_MS);
  }

  private keep(kept: Kept): void {
    Object.assign(this.kept, kept);
    save(teachingKey(this.user), kept);
  }
}

/** Tells whose strokes undo takes back; no secret. */
function thisDevice(): string {
  const known = load<string>("device", "");
  const device = known || newId().slice(-8);
  if (!known) save("device", device);
  return device;
}

/** After signing out, this device can no longer speak for the teacher. */
export function forgetToken(user: User): void {
  const kept = load<Kept | null>(teachingKey(user), null);
  if (kept) save(teachingKey(user), { ...kept, token: "" });
}

/** On a teacher's second device the session of the first goes on, with its boards. */
async function newestTeaching(api: Api): Promise<string | null> {
  try {
    return (await api.teachings())[0]?.id ?? null;
  } catch {
    return null;
  }
}

function resumedPlace(lesson: string): Place {
  const left = load<Left | null>(`left.${lesson}`, null);
  const recent = left !== null && Date.now() - left.at < RESUME_WITHIN_MS;
  return recent ? { slide: left.slide, step: left.step } : { slide: 0, step: 0 };
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
