/** The boards of this class: pair one by its code or start on one that is remembered; who is there is in BoardList.tsx. */
import { useEffect, useRef, useState } from "preact/hooks";
import { cleanCode, isCode, spacedCode } from "../core/codes";
import { symbolText } from "../live/symbols";
import { ErrorNote } from "../ui/ErrorNote";
import { BoardList, RoomList } from "./BoardList";
import type { Classroom } from "./classroom";
import type { PairingState, TeacherPairing } from "./pairing";
import { dropScannedCode, scannedCode } from "./state";
import { words } from "./words/boards";

const LONGEST_NAME = 60;

export function Pairing({ classroom }: { classroom: Classroom }) {
  const { session, pairing } = classroom;
  const boards = session.shown.boards.value.filter((board) => !board.revoked);
  const [adding, setAdding] = useState(scannedCode() !== "");
  const state = pairing.state.value;
  const busy = state.kind !== "idle" && state.kind !== "paired";
  const open =
    boards.length === 0 || adding || busy || (state.kind === "idle" && state.message !== "");
  return (
    <section class="panel" aria-label={words.title} data-testid="pairing">
      <div class="row">
        <h2>{words.title}</h2>
        <span class="grow" />
        {boards.length > 0 && !busy && (
          <button
            class="button button-quiet button-small"
            data-testid="pair-open"
            aria-expanded={open}
            onClick={() => setAdding(!adding)}
          >
            {adding ? words.close : words.another}
          </button>
        )}
      </div>
      <BoardList boards={boards} classroom={classroom} />
      {boards.length > 0 && (
        <label class="check small">
          <input
            type="checkbox"
            data-testid="boards-draw"
            checked={session.shown.boardsDraw.value}
            onChange={(event) => classroom.letBoardsDraw(event.currentTarget.checked)}
          />
          {words.draw}
        </label>
      )}
      <RoomList classroom={classroom} disabled={busy} />
      <div aria-live="polite">
        <Progress state={state} pairing={pairing} />
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

function Progress({ state, pairing }: { state: PairingState; pairing: TeacherPairing }) {
  if (state.kind === "compare") return <Compare key={state.pairing} {...state} desk={pairing} />;
  if (state.kind === "confirming") return <p class="soft">{words.progress.confirming}</p>;
  if (state.kind === "starting") {
    return (
      <div class="row" data-testid="pair-starting">
        <p class="grow">{words.progress.starting(state.name)}</p>
        <button class="button button-small" onClick={() => pairing.reject()}>
          {words.progress.stop}
        </button>
      </div>
    );
  }
  if (state.kind !== "paired") return null;
  return (
    <p class="good" data-testid="pair-done">
      {words.progress.paired}
    </p>
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
  const [letters, setLetters] = useState(false);
  const complete = isCode(code);
  return (
    <form
      class="code-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (complete && !busy) onCode(code);
      }}
    >
      <label>
        {words.code.label}
        <input
          class="code-input"
          data-testid="pair-code-input"
          inputMode={letters ? "text" : "numeric"}
          autocomplete="one-time-code"
          autocapitalize="characters"
          spellcheck={false}
          placeholder={letters ? "0000 0000 0000" : "000 000"}
          value={spacedCode(code)}
          aria-describedby="pair-hint"
          onInput={(event) => {
            const typed = cleanCode(event.currentTarget.value);
            setCode(typed);
            event.currentTarget.value = spacedCode(typed);
          }}
        />
      </label>
      <button class="button button-main" data-testid="pair-submit" disabled={!complete || busy}>
        {busy ? words.code.busy : words.code.submit}
      </button>
      <p class="soft small" id="pair-hint">
        {words.code.hint(<strong>{`${location.host}/board`}</strong>)}
      </p>
      <label class="check small code-letters">
        <input
          type="checkbox"
          data-testid="pair-long"
          checked={letters}
          onChange={(event) => setLetters(event.currentTarget.checked)}
        />
        {words.code.long}
      </label>
      {asked ? <p class="soft">{message}</p> : <ErrorNote message={message} />}
    </form>
  );
}

interface CompareProps {
  symbol: string;
  symbolName: string;
  digits: number;
  desk: TeacherPairing;
}

/** Who typed six digits reads a number from the board; who has its long code compares the symbol. */
function Compare({ symbol, symbolName, digits, desk }: CompareProps) {
  const [number, setNumber] = useState("");
  const [name, setName] = useState("");
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const complete = number.length === digits;
  return (
    <form
      class="compare"
      data-testid="pair-compare"
      onSubmit={(event) => {
        event.preventDefault();
        if (complete) desk.confirm(number, name);
      }}
    >
      <p>{digits > 0 ? words.compare.leadWithNumber : words.compare.lead}</p>
      <p class="symbol" data-testid="pair-symbol" data-symbol={symbolName}>
        <span aria-hidden="true">{symbol}</span>
        <span class="symbol-name">{symbolText(symbolName)}</span>
      </p>
      {digits > 0 && (
        <label>
          {words.compare.number}
          <input
            ref={first}
            class="code-input"
            data-testid="pair-number"
            inputMode="numeric"
            autocomplete="off"
            maxLength={digits}
            placeholder={"0".repeat(digits)}
            value={number}
            onInput={(event) => {
              const typed = event.currentTarget.value.replace(/\D/g, "").slice(0, digits);
              setNumber(typed);
              event.currentTarget.value = typed;
            }}
          />
        </label>
      )}
      <label>
        <span>
          {words.compare.name} <span class="soft small">{words.compare.optional}</span>
        </span>
        <input
          data-testid="pair-name"
          maxLength={LONGEST_NAME}
          placeholder={words.compare.nameExample}
          value={name}
          aria-describedby="pair-name-hint"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <p class="soft small" id="pair-name-hint">
        {words.compare.nameHint}
      </p>
      <div class="row">
        <button class="button button-main" data-testid="pair-confirm" disabled={!complete}>
          {digits > 0 ? words.compare.yesWithNumber : words.compare.yes}
        </button>
        <button
          type="button"
          class="button"
          data-testid="pair-reject"
          onClick={() => desk.reject()}
        >
          {digits > 0 ? words.compare.noWithNumber : words.compare.no}
        </button>
      </div>
    </form>
  );
}
