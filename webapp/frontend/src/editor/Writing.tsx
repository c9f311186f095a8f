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
      <div class="row editor-tools" role="group" aria-label="Editing">
        <ToolButton name="undo" words="Undo" onPress={() => write((field) => undo(field))} />
        <ToolButton name="redo" words="Redo" onPress={() => write((field) => redo(field))} />
        <button
          type="button"
          class="button button-small"
          data-testid="new-slide"
          onClick={() => write((field, at) => insertBlock(field, at, "---\n\n## ", true))}
        >
          New slide
        </button>
        <button
          type="button"
          class="button button-small"
          data-testid="add-figure"
          onClick={() => files.current?.click()}
        >
          Add a figure
        </button>
        <input
          ref={files}
          type="file"
          class="visually-hidden"
          data-testid="figure-file"
          accept={ACCEPTED}
          multiple
          tabIndex={-1}
          aria-label="Figure to add"
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
          Preview
        </button>
      </div>
      <UploadList uploads={uploads} />
      <div class={`editor-panes ${previewed ? "with-preview" : ""}`}>
        <div class="editor-text">
          <p id="editor-hint" class="soft small">
            A line with three dashes begins a new slide; items written with * appear one by one. Drop
            or paste pictures, sound, films and PDF into the text.
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

function ToolButton(props: { name: string; words: string; onPress: () => void }) {
  return (
    <button
      type="button"
      class="button button-small button-icon"
      data-testid={`editor-${props.name}`}
      aria-label={props.words}
      title={props.words}
      onClick={props.onPress}
    >
      <Icon name={props.name} />
    </button>
  );
}
