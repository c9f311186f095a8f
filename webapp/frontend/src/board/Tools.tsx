/** The board's few buttons and its quiet dot. They fade while nobody touches the board. */
import { useEffect, useState } from "preact/hooks";
import type { Connection } from "../live/session";
import { ConnectionState } from "../ui/ConnectionState";
import { Dialog } from "../ui/Dialog";
import { words } from "./words";

/** The buttons stay this long after the last touch. */
const SHOWN_MS = 3_000;

interface Props {
  connection: Connection;
  direct: number;
  teacher: string;
  onLeave: () => void;
}

export function Tools({ connection, direct, teacher, onLeave }: Props) {
  const awake = useAwake();
  const full = useFullscreen();
  const [leaving, setLeaving] = useState(false);
  return (
    <>
      <div class="board-dot">
        <ConnectionState state={connection} direct={direct} dotOnly />
      </div>
      <div class={`board-tools ${awake ? "board-tools-awake" : ""}`}>
        {teacher && (
          <span class="board-whose" data-testid="board-whose">
            {teacher}
          </span>
        )}
        <button class="button" data-testid="board-leave" onClick={() => setLeaving(true)}>
          {words.tools.end}
        </button>
        {document.fullscreenEnabled && (
          <button
            class="button"
            data-testid="fullscreen"
            aria-pressed={full}
            onClick={toggleFullscreen}
          >
            {full ? words.tools.leaveFullscreen : words.tools.fullscreen}
          </button>
        )}
      </div>
      {leaving && (
        <Dialog title={words.tools.endTitle} testid="leave-dialog" onClose={() => setLeaving(false)}>
          <p>{words.tools.endMeans}</p>
          <div class="row row-end">
            <button class="button" onClick={() => setLeaving(false)}>
              {words.tools.stay}
            </button>
            <button class="button button-bad" data-testid="board-leave-confirm" onClick={onLeave}>
              {words.tools.end}
            </button>
          </div>
        </Dialog>
      )}
    </>
  );
}

function toggleFullscreen(): void {
  // Browsers may refuse; then the button simply does nothing.
  if (document.fullscreenElement) document.exitFullscreen().catch(() => undefined);
  else document.documentElement.requestFullscreen().catch(() => undefined);
}

function useFullscreen(): boolean {
  const [full, setFull] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = (): void => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);
  return full;
}

function useAwake(): boolean {
  const [awake, setAwake] = useState(true);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const wake = (): void => {
      setAwake(true);
      clearTimeout(timer);
      timer = setTimeout(() => setAwake(false), SHOWN_MS);
    };
    wake();
    document.addEventListener("pointermove", wake);
    document.addEventListener("pointerdown", wake);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointermove", wake);
      document.removeEventListener("pointerdown", wake);
    };
  }, []);
  return awake;
}
