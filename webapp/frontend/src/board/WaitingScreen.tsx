/** The board without a teacher: a code, a QR picture and how to; then who claimed it. */
import qrcode from "qrcode-generator";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Hosts } from "../core/hosts";
import { spacedCode } from "../core/codes";
import { symbolText } from "../live/symbols";
import { Brand } from "../ui/Brand";
import { LanguageChoice } from "../ui/LanguageChoice";
import { RememberedFor } from "./RememberedFor";
import type { BoardRooms } from "./rooms";
import { Waiting, type BoardPairing, type WaitingState } from "./pairing";
import { words } from "./words";

interface Props {
  hosts: Hosts;
  rooms: BoardRooms;
  school: string;
  onPaired: (pairing: BoardPairing) => void;
  /** Called when the screen stands: a good time to fetch what comes later. */
  onReady: () => Promise<unknown>;
}

export function WaitingScreen({ hosts, rooms, school, onPaired, onReady }: Props) {
  const [waiting] = useState(() => new Waiting(hosts.order(), onPaired));
  useEffect(() => {
    waiting.start();
    void rooms.refresh();
    onReady().catch(() => undefined);
    return () => waiting.stop();
  }, [waiting]);
  const state = waiting.state.value;
  useEffect(() => {
    if (state.kind === "code") void rooms.refresh(); // a host answers
  }, [state.kind]);
  return (
    <main class="waiting-screen" data-testid="board-waiting" data-state={state.kind}>
      <header class="waiting-head">
        <Brand name={school || "Firstbell"} />
        <LanguageChoice />
      </header>
      <div class="waiting-body" aria-live="polite">
        {state.kind === "connecting" && <Connecting />}
        {state.kind === "code" && <Code {...state} />}
        {state.kind === "offer" && <Offer {...state} onRefuse={() => waiting.refuse()} />}
      </div>
      {state.kind !== "offer" && <RememberedFor rooms={rooms} />}
    </main>
  );
}

function Connecting() {
  return <p class="waiting-calm">{words.waiting.connecting}</p>;
}

function Code({ code, longCode, expiresAt, seconds }: Extract<WaitingState, { kind: "code" }>) {
  return (
    <div class="code-screen">
      <div class="code-text">
        <h1>{words.waiting.title}</h1>
        <p class="code" data-testid="board-code" data-code={code}>
          <span aria-hidden="true">{code.slice(0, 3)}</span>
          <span aria-hidden="true">{code.slice(3)}</span>
          <span class="visually-hidden">{words.waiting.code(spelled(code))}</span>
        </p>
        <Countdown key={code} expiresAt={expiresAt} seconds={seconds} />
        <ol class="howto">
          <li>{words.waiting.open(<strong>{location.host}</strong>)}</li>
          <li>{words.waiting.type}</li>
          <li>{words.waiting.number}</li>
        </ol>
      </div>
      <figure class="qr">
        {/* After #, so that no server's log has it. */}
        <Qr text={`${location.origin}/#code=${longCode}`} />
        <figcaption>
          {words.waiting.scan}
          <span class="long-code" data-testid="board-long-code" data-code={longCode}>
            {spacedCode(longCode)}
          </span>
        </figcaption>
      </figure>
    </div>
  );
}

function Countdown({ expiresAt, seconds }: { expiresAt: number; seconds: number }) {
  const [left, setLeft] = useState(expiresAt - Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLeft(expiresAt - Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [expiresAt]);
  const remaining = Math.max(0, Math.ceil(left / 1_000));
  const time = `${Math.floor(remaining / 60)}:${String(remaining % 60).padStart(2, "0")}`;
  return (
    <div
      class="countdown"
      data-testid="board-countdown"
      data-seconds={remaining}
      aria-hidden="true"
    >
      <span class="countdown-track">
        <span class="countdown-rest" style={{ width: `${(100 * remaining) / seconds}%` }} />
      </span>
      <span>{words.waiting.countdown(time)}</span>
    </div>
  );
}

function Qr({ text }: { text: string }) {
  const path = useMemo(() => qrPath(text), [text]);
  return (
    <svg
      data-testid="board-qr"
      data-text={text}
      viewBox={`-2 -2 ${path.size + 4} ${path.size + 4}`}
      role="img"
      aria-label={words.waiting.qr}
      shape-rendering="crispEdges"
    >
      <rect x="-2" y="-2" width={path.size + 4} height={path.size + 4} fill="#fff" rx="1" />
      <path d={path.d} fill="#14202b" />
    </svg>
  );
}

function qrPath(text: string): { d: string; size: number } {
  const qr = qrcode(0, "M");
  qr.addData(text);
  qr.make();
  const size = qr.getModuleCount();
  let d = "";
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      if (qr.isDark(row, column)) d += `M${column} ${row}h1v1h-1z`;
    }
  }
  return { d, size };
}

type OfferProps = Extract<WaitingState, { kind: "offer" }> & { onRefuse: () => void };

function Offer({ teacher, symbol, symbolName, number, room, onRefuse }: OfferProps) {
  return (
    <div class="offer" data-testid="board-offer">
      <h1 data-testid="board-teacher">{teacher}</h1>
      <p>{room ? words.offer.starts(room) : words.offer.asks}</p>
      <p class="symbol symbol-board" data-testid="board-symbol" data-symbol={symbolName}>
        <span aria-hidden="true">{symbol}</span>
        <span class="symbol-name">{symbolText(symbolName)}</span>
      </p>
      {number && (
        <p class="number" data-testid="board-number" data-number={number}>
          <span aria-hidden="true">{number}</span>
          <span class="visually-hidden">{words.offer.number(spelled(number))}</span>
        </p>
      )}
      {!room && <p class="soft">{number ? words.offer.typeNumber : words.offer.compare}</p>}
      <button class="button" data-testid="board-refuse" onClick={onRefuse}>
        {room ? words.offer.notNow : words.offer.refuse}
      </button>
    </div>
  );
}

/** For who hears it: one digit after the other. */
function spelled(digits: string): string {
  return [...digits].join(" ");
}
