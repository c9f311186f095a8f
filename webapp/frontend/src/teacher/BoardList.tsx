/** Boards that are paired, rooms that are remembered; and the forgetting of one or all of them. */
import { useState } from "preact/hooks";
import type { PairedBoard } from "../live/show";
import { Dialog } from "../ui/Dialog";
import { ErrorNote } from "../ui/ErrorNote";
import type { Classroom } from "./classroom";
import { words } from "./words/boards";

interface BoardListProps {
  /** Without those that were sent away. */
  boards: PairedBoard[];
  classroom: Classroom;
}

export function BoardList({ boards, classroom }: BoardListProps) {
  const { session, rooms } = classroom;
  const [leaving, setLeaving] = useState("");
  const remembered = new Set(rooms.remembered.value.map((room) => room.name));
  const online = session.connection.value === "online";
  const here = new Set(session.presence.present.value.map((one) => one.pairing));
  const word = (board: PairedBoard): string =>
    here.has(board.pairing)
      ? words.paired.here
      : online
        ? words.paired.away
        : words.paired.unreachable;
  if (boards.length === 0) return null;
  return (
    <ul class="boards" aria-label={words.paired.list}>
      {boards.map((board, index) => {
        const name = board.name || words.paired.unnamed(index + 1);
        return (
          <li
            key={board.pairing}
            data-testid="paired-board"
            data-pairing={board.pairing}
            data-here={here.has(board.pairing)}
          >
            <span
              class={`presence ${here.has(board.pairing) ? "presence-here" : ""}`}
              aria-hidden="true"
            />
            <span class="grow board-name">
              {name}
              <span class="soft small"> {word(board)}</span>
            </span>
            {leaving === board.pairing ? (
              <div class="row board-choice">
                {remembered.has(board.name) && (
                  <button
                    class="button button-small"
                    data-testid="board-end"
                    disabled={!online}
                    onClick={() => {
                      classroom.endBoard(board);
                      setLeaving("");
                    }}
                  >
                    {words.paired.end}
                  </button>
                )}
                <button
                  class="button button-bad button-small"
                  data-testid="board-forget-confirm"
                  disabled={!online}
                  onClick={() => {
                    classroom.forgetBoard(board);
                    setLeaving("");
                  }}
                >
                  {words.paired.forgetIt}
                </button>
                <button class="button button-small" onClick={() => setLeaving("")}>
                  {words.paired.keep}
                </button>
              </div>
            ) : (
              <button
                class="button button-quiet button-small"
                data-testid="board-forget"
                aria-label={words.paired.forgetOf(name)}
                onClick={() => setLeaving(board.pairing)}
              >
                {words.paired.forget}
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

/** Rooms where no code is needed and that are not paired, those first where the board waits; then "forget all". */
export function RoomList({ classroom, disabled }: { classroom: Classroom; disabled: boolean }) {
  const { rooms, pairing, session } = classroom;
  const [asking, setAsking] = useState(false);
  const waiting = rooms.waiting.value;
  const paired = session.shown.boards.value.filter((board) => !board.revoked);
  const listed = new Set(paired.map((board) => board.name));
  const remembered = rooms.remembered.value
    .filter(({ board, name }) => waiting.has(board) || !listed.has(name))
    .sort((one, other) => Number(waiting.has(other.board)) - Number(waiting.has(one.board)));
  const online = session.connection.value === "online";
  if (remembered.length + paired.length === 0) return <ErrorNote message={rooms.error.value} />;
  return (
    <>
      {remembered.length > 0 && (
        <ul class="boards" aria-label={words.rooms.list}>
          {remembered.map(({ board, name }) => (
            <li
              key={board}
              data-testid="room"
              data-board={board}
              data-waiting={waiting.has(board)}
            >
              <span class="grow board-name">
                {name}
                <span class="soft small">
                  {" "}
                  {waiting.has(board) ? words.rooms.waits : words.rooms.off}
                </span>
              </span>
              {waiting.has(board) && (
                <button
                  class="button button-main button-small"
                  data-testid="room-start"
                  aria-label={words.rooms.startOn(name)}
                  disabled={disabled}
                  onClick={() => pairing.start(board, name)}
                >
                  {words.rooms.start}
                </button>
              )}
              <button
                class="button button-quiet button-small"
                data-testid="room-forget"
                aria-label={words.rooms.forgetOf(name)}
                onClick={() => void rooms.forget(board)}
              >
                {words.rooms.forget}
              </button>
            </li>
          ))}
        </ul>
      )}
      <div class="row row-end">
        <button
          class="button button-quiet button-small"
          data-testid="forget-all"
          disabled={!online}
          onClick={() => setAsking(true)}
        >
          {words.forgetAll.button}
        </button>
      </div>
      <ErrorNote message={rooms.error.value} />
      {asking && (
        <Dialog
          title={words.forgetAll.title}
          testid="forget-all-dialog"
          onClose={() => setAsking(false)}
        >
          <p>{words.forgetAll.lead}</p>
          <div class="row row-end">
            <button class="button" onClick={() => setAsking(false)}>
              {words.forgetAll.keep}
            </button>
            <button
              class="button button-bad"
              data-testid="forget-all-confirm"
              onClick={() => {
                classroom.forgetAllBoards();
                setAsking(false);
              }}
            >
              {words.forgetAll.confirm}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}
