/** Where the text is written: its tools, files on their way, the field, and the slide it makes. */
import { redo, undo } from "@codemirror/commands";
import type { EditorView } from "@codemirror/view";
import { useRef, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { Icon } from "../ui/Icon";
import { insertBlock } from "./field";
import { ACCEPTED } from "./figures";
import { Preview } from "./Preview";
import { TextField } from "./TextField";
import { UploadList } from "./UploadList";
import { useUploads } from "./uploads";
import { words } from "./words";

interface Props {
  api: Api;
  /** As it is at first and for the preview; the field has it from then on. */
  text: string;
  onView: (view: EditorView | null) => void;
  onChange: (text: string) => void;
}

export function Writing({ api, text, onView, onChange }: Props) {
  const [line, setLine] = useState(0);
  const [previewed, setPreviewed] = useState(() => matchMedia("(min-width: 60rem)").matches);
  const view = useRef<EditorView | null>(null);
  const files = useRef<HTMLInputElement>(null);
  const uploads = useUploads(api);

  /** Does something at the cursor, then goes on there. */
  function write(action: (field: EditorView, at: number) => void): void {
    const field = view.current;
    if (!field) return;
    action(field, field.state.selection.main.head);
    field.focus();
  }

  return (
    <>
      <div class="row editor-tools" role="group" aria-label={words.writing.tools}>
        <ToolButton name="undo" label={words.writing.undo} onPress={() => write((field) => undo(field))} />
        <ToolButton name="redo" label={words.writing.redo} onPress={() => write((field) => redo(field))} />
        <button
          type="button"
          class="button button-small"
          data-testid="new-slide"
          onClick={() => write((field, at) => insertBlock(field, at, "---\n\n## ", true))}
        >
          {words.writing.newSlide}
        </button>
        <button
          type="button"
          class="button button-small"
          data-testid="add-figure"
          onClick={() => files.current?.click()}
        >
          {words.writing.addFigure}
        </button>
        <input
          ref={files}
          type="file"
          class="visually-hidden"
          data-testid="figure-file"
          accept={ACCEPTED}
          multiple
          tabIndex={-1}
          aria-label={words.writing.figureFile}
          onChange={(event) => {
            const chosen = [...(event.currentTarget.files ?? [])];
            event.currentTarget.value = "";
            write((field, at) => uploads.start(field, chosen, at));
          }}
        />
        <button
          type="button"
          class="button button-small"
          data-testid="preview-toggle"
          aria-pressed={previewed}
          onClick={() => setPreviewed((shown) => !shown)}
        >
          {words.preview.label}
        </button>
      </div>
      <UploadList uploads={uploads} />
      <div class={`editor-panes ${previewed ? "with-preview" : ""}`}>
        <div class="editor-text">
          <p id="editor-hint" class="soft small">
            {words.writing.hint}
          </p>
          <TextField
            text={text}
            onView={(made) => {
              view.current = made;
              onView(made);
            }}
            onChange={onChange}
            onLine={setLine}
            onFiles={(dropped, at) => view.current && uploads.start(view.current, dropped, at)}
          />
        </div>
        {previewed && <Preview text={text} line={line} hosts={api.hosts} />}
      </div>
    </>
  );
}

function ToolButton(props: { name: string; label: string; onPress: () => void }) {
  return (
    <button
      type="button"
      class="button button-small button-icon"
      data-testid={`editor-${props.name}`}
      aria-label={props.label}
      title={props.label}
      onClick={props.onPress}
    >
      <Icon name={props.name} />
    </button>
  );
}
