/** The buttons of the commands, made from their one definition in commands.ts. */
import { useEffect, useState } from "preact/hooks";
import { load, save } from "../core/storage";
import type { InkHistory } from "../ink/history";
import { COLORS } from "../ink/outline";
import type { Ink, Pen } from "../ink/strokes";
import { colorText } from "../ink/words";
import { Icon } from "../ui/Icon";
import { ariaKeys, commandOf, COMMANDS, keyName, type CommandId } from "./commands";
import { words } from "./words/teaching";

interface Buttons {
  actions: Record<CommandId, () => void>;
  pressed: Partial<Record<CommandId, boolean>>;
  disabled: Partial<Record<CommandId, boolean>>;
}

interface ButtonProps extends Buttons {
  id: CommandId;
  /** The label stands on the button, not only in its name. */
  withWord?: boolean;
  main?: boolean;
}

export function CommandButton({ id, actions, pressed, disabled, withWord, main }: ButtonProps) {
  const command = commandOf(id);
  return (
    <button
      class={`button ${withWord ? "" : "button-icon"} ${main ? "button-main button-next" : ""}`}
      data-testid={id}
      disabled={disabled[id] === true}
      aria-pressed={command.toggles ? pressed[id] === true : undefined}
      aria-label={withWord ? undefined : command.label}
      aria-keyshortcuts={ariaKeys(command)}
      title={`${command.label} (${keyName(command.keys[0] ?? "")})`}
      onClick={unfocused(actions[id])}
    >
      <Icon name={id} />
      {withWord && command.label}
    </button>
  );
}

interface ToolbarProps extends Buttons {
  ink: Ink;
  history: InkHistory;
  /** As slideKey() names it. */
  slide: string;
}

/** On a phone the tools wait behind one button, so that slide and notes keep their room. */
export function Toolbar({ ink, history, slide, ...buttons }: ToolbarProps) {
  const [open, setOpen] = useState(() => load("tools.open", false));
  const possible = usePossible(ink, history, slide);
  const disabled = { ...buttons.disabled, ...possible };
  return (
    <>
      <button
        class="button button-icon tools-toggle"
        data-testid="tools-toggle"
        aria-expanded={open}
        aria-controls="tools"
        aria-label={words.toolbar.toggle}
        onClick={unfocused(() => {
          setOpen(!open);
          save("tools.open", !open);
        })}
      >
        <Icon name="tools" />
      </button>
      <div
        class={`tools ${open ? "tools-open" : ""}`}
        id="tools"
        role="toolbar"
        aria-label={words.toolbar.tools}
      >
        {(["draw", "point", "board"] as const).map((group) => (
          <div class="tool-group" key={group}>
            {COMMANDS.filter((command) => command.group === group && !("hidden" in command)).map(
              ({ id }) => (
                <CommandButton key={id} id={id} {...buttons} disabled={disabled} />
              ),
            )}
            {group === "board" && <CommandButton id="overview" {...buttons} />}
          </div>
        ))}
      </div>
    </>
  );
}

/** Which of undo, redo and clear would do nothing just now. */
function usePossible(ink: Ink, history: InkHistory, slide: string) {
  const look = (): string =>
    JSON.stringify({
      undo: !history.canUndo(slide),
      redo: !history.canRedo(slide),
      clear: !ink.hasStrokes(slide),
    });
  const [found, setFound] = useState(look);
  useEffect(() => {
    setFound(look());
    // What was done is written down after the ink has changed.
    return ink.watch(slide, () => queueMicrotask(() => setFound(look())));
  }, [ink, history, slide]);
  return JSON.parse(found) as { undo: boolean; redo: boolean; clear: boolean };
}

interface PaletteProps {
  pen: Pen;
  chosen: string;
  onChoose: (color: string) => void;
}

export function Palette({ pen, chosen, onChoose }: PaletteProps) {
  return (
    <div class="palette" role="group" aria-label={words.toolbar.colors}>
      {Object.entries(COLORS[pen]).map(([name, color]) => (
        <button
          key={name}
          class="button button-icon"
          data-testid={`color-${name}`}
          aria-pressed={name === chosen}
          aria-label={colorText(name)}
          title={colorText(name)}
          onClick={unfocused(() => onChoose(name))}
        >
          <span class="ink-swatch" style={{ background: color }} aria-hidden="true" />
        </button>
      ))}
    </div>
  );
}

/** After a press by pointer the keys shall steer again, not repeat this button. */
export function unfocused(action: () => void) {
  return (event: MouseEvent): void => {
    if (event.detail > 0 && event.currentTarget instanceof HTMLElement) event.currentTarget.blur();
    action();
  };
}
