/** A paired board: follows the teacher, whatever happens to hosts. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import "../lesson/slide.css";
import type { Api } from "../core/api";
import { OfferedInk } from "../ink/offers";
import { slideKey, type Ink } from "../ink/strokes";
import { clampPlace, type Place } from "../lesson/steps";
import { CLOSE } from "../live/protocol";
import { LiveSession } from "../live/session";
import type { Pointer } from "../live/show";
import { TimerFace } from "../ui/TimerFace";
import { BoardLessons, type BoardDeck } from "./lessons";
import { useFreedOvernight } from "./overnight";
import type { BoardPairing } from "./pairing";
import { Pens } from "./Pens";
import type { BoardRooms } from "./rooms";
import { Stage } from "./stage";
import { Tools } from "./Tools";
import { useWakeLock } from "./wakelock";
import { words } from "./words";

interface Props {
  api: Api;
  pairing: BoardPairing;
  rooms: BoardRooms;
  /** The pairing is over: the teacher or this board ended it. */
  onEnded: () => void;
}

export default function Showing({ api, pairing, rooms, onEnded }: Props) {
  const [{ session, lessons, ink }] = useState(() => {
    const session = boardSession(api, pairing, onEnded);
    const ink = new OfferedInk(session.doc, pairing.pairing, (offer) => session.presence.offer(offer));
    return { session, lessons: new BoardLessons(api, pairing), ink };
  });

  useEffect(() => {
    session.start();
    return () => {
      lessons.stop();
      ink.stop();
      session.stop();
    };
  }, [session, lessons, ink]);
  const wanted = session.shown.lesson.value;
  useEffect(() => void lessons.want(wanted), [lessons, wanted]);
  const mayDraw = session.shown.boardsDraw.value;
  useEffect(() => {
    if (!mayDraw) ink.withdraw();
  }, [ink, mayDraw]);
  useWakeLock();
  useFreedOvernight(session, rooms, () => leave(rooms, pairing, session, onEnded));
  const [loaded, setLoaded] = useState(false);
  useEffect(() => void session.loaded.then(() => setLoaded(true)), [session]);

  const shown = lessons.shown.value;
  const current = shown && shown.lesson === wanted?.id ? shown : null;
  return (
    <main class="board" data-testid="board">
      {current ? (
        <DeckView
          key={current.lesson}
          shown={current}
          at={session.shown.place.value}
          api={api}
          ink={ink}
          figure={session.shown.zoom.value?.figure ?? null}
          pointers={session.presence.pointers.value}
          mayDraw={mayDraw && session.shown.blank.value === ""}
        />
      ) : (
        loaded && <Greeting teacher={pairing.teacher} coming={wanted !== null} />
      )}
      <div
        class={`blank blank-${session.shown.blank.value || "off"}`}
        data-testid="board-blank"
        data-blank={session.shown.blank.value}
      />
      {session.shown.timer.value && (
        <div class="board-timer">
          <TimerFace timer={session.shown.timer.value} clock={session.clock} />
        </div>
      )}
      <Tools
        connection={session.connection.value}
        direct={session.directCount.value}
        teacher={pairing.teacher}
        onLeave={() => leave(rooms, pairing, session, onEnded)}
      />
    </main>
  );
}

function boardSession(api: Api, pairing: BoardPairing, onEnded: () => void): LiveSession {
  return new LiveSession({
    session: pairing.session,
    role: "board",
    token: () => pairing.token,
    name: "Board",
    pairing: pairing.pairing,
    hosts: api.hosts.all,
    onRefused: (code) => {
      if (code === CLOSE.revoked || code === CLOSE.badToken) onEnded();
    },
  });
}

/** The server closes our sockets in answer, which ends the pairing; without a server it ends here. */
function leave(
  rooms: BoardRooms,
  pairing: BoardPairing,
  session: LiveSession,
  onEnded: () => void,
): void {
  rooms.endPairing(pairing.token);
  if (!session.links.send({ type: "pair.leave" })) onEnded();
}

function Greeting({ teacher, coming }: { teacher: string; coming: boolean }) {
  return (
    <div class="board-greeting" data-testid="board-greeting">
      <h1>{teacher ? words.showing.pairedWith(teacher) : words.showing.paired}</h1>
      <p class="soft">{coming ? words.showing.coming : words.showing.noLesson}</p>
    </div>
  );
}

interface DeckViewProps {
  shown: BoardDeck;
  at: Place;
  api: Api;
  ink: Ink;
  figure: number | null;
  pointers: readonly Pointer[];
  mayDraw: boolean;
}

function DeckView({ shown, at, api, ink, figure, pointers, mayDraw }: DeckViewProps) {
  const root = useRef<HTMLDivElement>(null);
  const stage = useRef<Stage | null>(null);
  const { deck } = shown;
  const { slide, step } = clampPlace(at, deck.length, deck.stepsOf);

  useLayoutEffect(() => {
    if (!root.current) return;
    const made = new Stage(root.current, deck, api.hosts, ink, shown.lesson);
    stage.current = made;
    return () => made.destroy();
  }, [deck, api, ink, shown.lesson]);
  useLayoutEffect(() => void stage.current?.show({ slide, step }), [deck, slide, step]);
  useLayoutEffect(() => void stage.current?.enlarge(slide, figure), [deck, slide, figure]);
  useLayoutEffect(() => {
    const here = pointers.filter((pointer) => pointer.slide === slide);
    void stage.current?.point(slide, here);
  }, [deck, slide, pointers]);

  const view = (
    <div
      class="board-stage"
      data-testid="slide"
      data-slide={slide}
      data-step={step}
      data-lesson={shown.lesson}
      data-figure={figure ?? ""}
      role="group"
      aria-label={words.showing.slide(shown.title, slide + 1, deck.length)}
      aria-live="polite"
    >
      <div class="reveal" ref={root} key={deck.slides.length} />
    </div>
  );
  return (
    <>
      {view}
      {mayDraw && <Pens stage={root} ink={ink} slide={slideKey(shown.lesson, slide)} />}
    </>
  );
}
