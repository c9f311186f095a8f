/** Bringing decks in: by button or by dropping files anywhere on the page, one after the other. */
import { useEffect, useRef, useState } from "preact/hooks";
import { newId, type Api } from "../core/api";
import { messageFor } from "../core/errors";
import type { ImportResult } from "../core/types";
import { ErrorNote } from "../ui/ErrorNote";
import { words } from "./words/lessons";

interface Props {
  api: Api;
  onImported: () => void;
  empty: boolean;
}

interface Outcome {
  file: string;
  result: ImportResult | null;
  error: string;
}

export function Importer({ api, onImported, empty }: Props) {
  const [progress, setProgress] = useState<{ file: string; share: number } | null>(null);
  const [outcomes, setOutcomes] = useState<Outcome[]>([]);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  async function bringIn(files: File[]): Promise<void> {
    setOutcomes([]);
    for (const file of files) {
      setProgress({ file: file.name, share: 0 });
      const outcome = await importOne(api, file, (share) =>
        setProgress({ file: file.name, share }),
      );
      setOutcomes((before) => [...before, outcome]);
      if (outcome.result) onImported();
    }
    setProgress(null);
  }

  useDrop((files) => void bringIn(files), setOver);

  return (
    <section
      class={`import ${over ? "import-over" : ""} ${empty ? "import-empty" : ""}`}
      aria-label={words.importer.title}
    >
      <div class="row">
        <button class="button" disabled={progress !== null} onClick={() => input.current?.click()}>
          {words.importer.button}
        </button>
        <input
          ref={input}
          type="file"
          class="visually-hidden"
          data-testid="import-file"
          accept=".md,.markdown,.zip,.html,.htm,text/markdown,text/html,application/zip"
          multiple
          tabIndex={-1}
          aria-label={words.importer.file}
          onChange={(event) => {
            const files = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = "";
            void bringIn(files);
          }}
        />
        <span class="soft small">{words.importer.hint}</span>
      </div>
      <div aria-live="polite">
        {progress && <Progress {...progress} />}
        {outcomes.map((outcome) => (
          <OutcomeNote key={outcome.file} outcome={outcome} />
        ))}
      </div>
    </section>
  );
}

function Progress({ file, share }: { file: string; share: number }) {
  const sent = share >= 1;
  return (
    <div class="progress" data-testid="import-progress">
      <span>{sent ? words.importer.reading(file) : words.importer.sending(file)}</span>
      <progress max={1} {...(sent ? {} : { value: share })} aria-label={words.importer.progress(file)} />
    </div>
  );
}

function OutcomeNote({ outcome }: { outcome: Outcome }) {
  if (!outcome.result) return <ErrorNote message={naming(outcome.file, outcome.error)} />;
  const { lessons, warnings } = outcome.result;
  return (
    <div class="note note-good" data-testid="import-done">
      <p>{words.importer.done(outcome.file, lessons.length)}</p>
      {warnings.length > 0 && (
        <details open={warnings.length <= 5} data-testid="import-warnings">
          <summary>{words.importer.warnings(warnings.length)}</summary>
          <ul>
            {warnings.map((warning, index) => (
              <li key={index} data-testid="import-warning">
                <strong>{place(warning.file, warning.slide)}</strong> {warning.message}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

/** Some errors begin with the file's name as it is. */
function naming(file: string, error: string): string {
  return error.startsWith(file) ? error : `${file}: ${error}`;
}

function place(file: string, slide: number | null): string {
  return [file, slide ? words.importer.slide(slide) : ""].filter(Boolean).join(", ") + ":";
}

async function importOne(
  api: Api,
  file: File,
  onProgress: (share: number) => void,
): Promise<Outcome> {
  try {
    return { file: file.name, result: await api.importFile(newId(), file, onProgress), error: "" };
  } catch (problem) {
    return { file: file.name, result: null, error: messageFor(problem) };
  }
}

function useDrop(onFiles: (files: File[]) => void, setOver: (over: boolean) => void): void {
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent): void => {
      event.preventDefault();
      setOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (files.length > 0) latest.current(files);
    };
    document.addEventListener("dragover", over);
    document.addEventListener("dragleave", leave);
    document.addEventListener("drop", drop);
    return () => {
      document.removeEventListener("dragover", over);
      document.removeEventListener("dragleave", leave);
      document.removeEventListener("drop", drop);
    };
  }, []);
}
