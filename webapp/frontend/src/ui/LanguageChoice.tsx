/** In which language the pages speak on this device. Each stands there in its own words, for who can't read the others. */
import { language, LANGUAGES, speak, type Language } from "../core/language";
import { words } from "./words";

export function LanguageChoice() {
  return (
    <div class="language-choice" role="group" aria-label={words.language}>
      {(Object.keys(LANGUAGES) as Language[]).map((one) => (
        <button
          key={one}
          type="button"
          class="button button-quiet button-small"
          data-testid={`language-${one}`}
          lang={one}
          aria-pressed={one === language}
          onClick={() => {
            if (one !== language) speak(one);
          }}
        >
          {LANGUAGES[one]}
        </button>
      ))}
    </div>
  );
}
