/** The board: paired or waiting. Forgetting a pairing brings the code back. */
import { lazy, Suspense } from "preact/compat";
import { useState } from "preact/hooks";
import type { Api } from "../core/api";
import { forgetDocument } from "../live/kept";
import { noteTeacher } from "./overnight";
import { forgetPairing, keepPairing, keptPairing, type BoardPairing } from "./pairing";
import { BoardRooms } from "./rooms";
import { WaitingScreen } from "./WaitingScreen";

// The deck renderer is fetched while the board waits, and kept by the browser.
const loadShowing = () => import("./Showing");
const Showing = lazy(loadShowing);

export function Board({ api, school }: { api: Api; school: string }) {
  const [pairing, setPairing] = useState<BoardPairing | null>(keptPairing);
  const [rooms] = useState(() => new BoardRooms(api));

  function paired(made: BoardPairing): void {
    keepPairing(made);
    noteTeacher();
    api.adoptPosition(made.position);
    setPairing(made);
  }

  function ended(): void {
    if (pairing) forgetDocument(pairing.session, "board");
    forgetPairing();
    setPairing(null);
  }

  if (!pairing) {
    return (
      <WaitingScreen
        hosts={api.hosts}
        rooms={rooms}
        school={school}
        onPaired={paired}
        onReady={loadShowing}
      />
    );
  }
  return (
    <Suspense fallback={<div class="board-rest" />}>
      <Showing key={pairing.pairing} {...{ api, pairing, rooms }} onEnded={ended} />
    </Suspense>
  );
}
