/** All keys, made from the commands' one definition. */
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { COMMANDS, keyName, type Command } from "./commands";

const GROUPS: Record<Command["group"], string> = {
  move: "Slides",
  draw: "Ink",
  point: "Pointing",
  board: "Board and page",
};

interface Props {
  letters: boolean;
  onLetters: (on: boolean) => void;
  onClose: () => void;
}

export function Help({ letters, onLetters, onClose }: Props) {
  return (
    <Dialog title="Keys and help" testid="help-dialog" onClose={onClose} wide>
      <div class="help-groups">
        {(Object.keys(GROUPS) as Command["group"][]).map((group) => (
          <section key={group}>
            <h3>{GROUPS[group]}</h3>
            <dl class="help-keys">
              {COMMANDS.filter((command) => command.group === group).map((command) => (
                <div key={command.id} data-testid="help-command">
                  <dt>
                    <Icon name={command.id} /> {command.label}
                  </dt>
                  <dd>
                    {command.keys.map((chord) => (
                      <kbd key={chord}>{keyName(chord)}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <p class="soft">
        Clickers work as they are. On a touch screen, swipe over the slide to turn it, and tap twice
        on a picture or table to enlarge it. A pen’s other end erases.
      </p>
      <label class="check">
        <input
          type="checkbox"
          data-testid="keys-letters"
          checked={letters}
          onChange={(event) => onLetters(event.currentTarget.checked)}
        />
        Single letters are keys
      </label>
      <div class="row row-end">
        <button class="button button-main" data-testid="help-close" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
