/** The boards of this class: pair one by its code, see which are there, send one away. */
import { useState } from "preact/hooks";
import type { LiveSession } from "../live/session";
import type { PairedBoard } from "../live/show";
import { ErrorNote } from "../ui/ErrorNote";
import type { TeacherPairing } from "./pairing";
import { dropScannedCode, scannedCode } from "./state";

const DIGITS = 6;

interface Props {
  session: LiveSession;
  pairing: TeacherPairing;
  onBoardsDraw: (allowed: boolean) => void;
}

export function Pairing({ session, pairing, onBoardsDraw }: Props) {
  const boards = session.boards.value.filter((board) => !board.revoked);
  const [adding, setAdding] = useState(scannedCode() !== "");
  const state = pairing.state.value;
  const busy = state.kind !== "idle" && state.kind !== "paired";
  const open =
    boards.length === 0 || adding || busy || (state.kind === "idle" && state.message !== "");
  return (
    <section class="panel" aria-label="Boards" data-testid="pairing">
      <div class="row">
        <h2>Boards</h2>
        <span class="grow" />
        {boards.length > 0 && !busy && (
          <button
            class="button button-quiet button-small"
            data-testid="pair-open"
            aria-expanded={open}
            onClick={() => setAdding(!adding)}
          >
            {adding ? "Close" : "Pair another"}
          </button>
        )}
      </div>
      <BoardList boards={boards} session={session} pairing={pairing} />
      {boards.length > 0 && (
        <label class="check small">
          <input
            type="checkbox"
            data-testid="boards-draw"
            checked={session.boardsDraw.value}
            onChange={(event) => onBoardsDraw(event.currentTarget.checked)}
          />
          The class may draw
        </label>
      )}
      <div aria-live="polite">
        {state.kind === "compare" ? (
          <Compare symbol={state.symbol} name={state.symbolName} pairing={pairing} />
        ) : state.kind === "confirming" ? (
          <p class="soft">Pairing the board…</p>
        ) : state.kind === "paired" ? (
          <p class="good" data-testid="pair-done">
            The board is paired.
          </p>
        ) : null}
        {open && (state.kind === "idle" || state.kind === "claiming") && (
          <CodeForm
            busy={state.kind === "claiming"}
            message={state.kind === "idle" ? state.message : ""}
            asked={state.kind === "idle" && state.asked === true}
            onCode={(code) => {
              dropScannedCode();
              setAdding(false);
              pairing.claim(code);
            }}
          />
        )}
      </div>
    </section>
  );
}

interface CodeFormProps {
  busy: boolean;
  message: string;
  /** The message tells what the teacher asked for. */
  asked: boolean;
  onCode: (code: string) => void;
}

function CodeForm({ busy, message, asked, onCode }: CodeFormProps) {
  const [code, setCode] = useState(scannedCode());
  const complete = code.length === DIGITS;
  return (
    <form
      class="code-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (complete && !busy) onCode(code);
      }}
    >
      <label>
        Code on the board
        <input
          class="code-input"
          data-testid="pair-code-input"
          inputMode="numeric"
          autocomplete="one-time-code"
          placeholder="000 000"
          value={spaced(code)}
          aria-describedby="pair-hint"
          onInput={(event) => {
            const digits = event.currentTarget.value.replace(/\D/g, "").slice(0, DIGITS);
            setCode(digits);
            event.currentTarget.value = spaced(digits);
          }}
        />
      </label>
      <button class="button button-main" data-testid="pair-submit" disabled={!complete || busy}>
        {busy ? "Looking…" : "Pair"}
      </button>
      <p class="soft small" id="pair-hint">
        Open <strong>{`${location.host}/board`}</strong> on the classroom screen.
      </p>
      {asked ? <p class="soft">{message}</p> : <ErrorNote message={message} />}
    </form>
  );
}

function Compare({
  symbol,
  name,
  pairing,
}: {
  symbol: string;
  name: string;
  pairing: TeacherPairing;
}) {
  return (
    <div class="compare" data-testid="pair-compare">
      <p>Do you see this on the board?</p>
      <p class="symbol" data-testid="pair-symbol" data-symbol={name}>
        <span aria-hidden="true">{symbol}</span>
        <span class="symbol-name">{name}</span>
      </p>
      <div class="row">
        <button
          class="button button-main"
          data-testid="pair-confirm"
          onClick={() => pairing.confirm()}
        >
          Yes, the same
        </button>
        <button class="button" data-testid="pair-reject" onClick={() => pairing.reject()}>
          No
        </button>
      </div>
    </div>
  );
}

interface BoardListProps {
  boards: PairedBoard[];
  session: LiveSession;
  pairing: TeacherPairing;
}

function BoardList({ boards, session, pairing }: BoardListProps) {
  const [leaving, setLeaving] = useState("");
  const online = session.connection.value === "online";
  const here = new Set(session.present.value.map((one) => one.pairing));
  const word = (board: PairedBoard): string =>
    here.has(board.pairing) ? "is showing" : online ? "is away" : "· not reachable just now";
  if (boards.length === 0) return null;
  return (
    <ul class="boards" aria-label="Paired boards">
      {boards.map((board, index) => (
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
          <span class="grow">
            Board {index + 1}
            <span class="soft small"> {word(board)}</span>
          </span>
          {leaving === board.pairing ? (
            <>
              <button
                class="button button-bad button-small"
                data-testid="board-forget-confirm"
                disabled={!online}
                onClick={() => {
                  pairing.revoke(board.pairing);
                  setLeaving("");
                }}
              >
                Forget it
              </button>
              <button class="button button-small" onClick={() => setLeaving("")}>
                Keep
              </button>
            </>
          ) : (
            <button
              class="button button-quiet button-small"
              data-testid="board-forget"
              aria-label={`Forget board ${index + 1}`}
              onClick={() => setLeaving(board.pairing)}
            >
              Forget
            </button>
          )}
        </li>
      ))}
    </ul>
  );
}

function spaced(code: string): string {
  return code.length > 3 ? `${code.slice(0, 3)} ${code.slice(3)}` : code;
}
