/** Who may start on this board without a code. Anybody at the board may have it forget them: then a code is needed. */
import { useState } from "preact/hooks";
import type { BoardRooms } from "./rooms";
import { words } from "./words";

export function RememberedFor({ rooms }: { rooms: BoardRooms }) {
  const [asked, setAsked] = useState("");
  const list = rooms.list.value;
  if (list.length === 0) return null;
  const act = (work: Promise<void>): void => {
    setAsked("");
    void work;
  };
  return (
    <section class="remembered" aria-label={words.remembered.label} data-testid="remembered">
      <h2>{words.remembered.title}</h2>
      <ul>
        {list.map((room) => (
          <li key={room.id} data-testid="remembered-teacher">
            <span>
              {room.teacher} <span class="soft">({room.name})</span>
            </span>
            {asked === room.id ? (
              <button
                class="button button-bad button-small"
                data-testid="remembered-forget-confirm"
                onClick={() => act(rooms.forget(room))}
              >
                {words.remembered.confirm}
              </button>
            ) : (
              <button
                class="button button-quiet button-small"
                data-testid="remembered-forget"
                aria-label={words.remembered.forgetWhom(room.teacher)}
                onClick={() => setAsked(room.id)}
              >
                {words.remembered.forget}
              </button>
            )}
          </li>
        ))}
      </ul>
      {list.length > 1 &&
        (asked === "all" ? (
          <button
            class="button button-bad button-small"
            data-testid="remembered-forget-all-confirm"
            onClick={() => act(rooms.forgetAll())}
          >
            {words.remembered.confirmAll}
          </button>
        ) : (
          <button
            class="button button-quiet button-small"
            data-testid="remembered-forget-all"
            onClick={() => setAsked("all")}
          >
            {words.remembered.forgetAll}
          </button>
        ))}
      {rooms.error.value && (
        <p class="note note-bad" role="alert">
          {rooms.error.value}
        </p>
      )}
    </section>
  );
}
