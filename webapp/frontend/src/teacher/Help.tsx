/** All keys, made from the commands' one definition. */
import { Dialog } from "../ui/Dialog";
import { Icon } from "../ui/Icon";
import { COMMANDS, keyName, type Command } from "./commands";
import { words } from "./words/teaching";

const GROUPS: readonly Command["group"][] = ["move", "draw", "point", "board"];

interface Props {
  letters: boolean;
  onLetters: (on: boolean) => void;
  onClose: () => void;
}

export function Help({ letters, onLetters, onClose }: Props) {
  return (
    <Dialog title={words.help.title} testid="help-dialog" onClose={onClose} wide>
      <div class="help-groups">
        {GROUPS.map((group) => (
          <section key={group}>
            <h3>{words.help.groups[group]}</h3>
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
      <p class="soft">{words.help.touch}</p>
      <label class="check">
        <input
          type="checkbox"
          data-testid="keys-letters"
          checked={letters}
          onChange={(event) => onLetters(event.currentTarget.checked)}
        />
        {words.help.letters}
      </label>
      <div class="row row-end">
        <button class="button button-main" data-testid="help-close" onClick={onClose}>
          {words.help.close}
        </button>
      </div>
    </Dialog>
  );
}
