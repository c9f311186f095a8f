/** The slide that is being written, as the class will see it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Hosts } from "../core/hosts";
import { Deck } from "../lesson/deck";
import { SlideView } from "../ui/SlideView";
import { pieceAt, piecesOf } from "./slides";
import { words } from "./words";

/** After the last key: drawing while somebody types makes a phone stutter. */
const CALM_MS = 150;

export function Preview({ text, line, hosts }: { text: string; line: number; hosts: Hosts }) {
  const calmText = useCalm(text);
  const calmLine = useCalm(line);
  const { pieces, chosen } = useMemo(() => piecesOf(calmText), [calmText]);
  const index = pieceAt(pieces, calmLine);
  const markdown = pieces[index]?.markdown ?? "";
  const deck = useMemo(() => new Deck([{ title: "", markdown, notes: "" }]), [markdown]);
  const part = chosen ? words.preview.slide : words.preview.section;
  return (
    <section class="preview" aria-label={words.preview.label} data-testid="preview">
      {index < 0 ? (
        <p class="soft">{words.preview.empty}</p>
      ) : (
        <>
          <SlideView
            deck={deck}
            slide={0}
            step={Infinity}
            hosts={hosts}
            label={part.label(index + 1, pieces.length)}
          />
          <p class="soft small" data-testid="preview-name">
            {part.name(index + 1, pieces.length)}
          </p>
        </>
      )}
    </section>
  );
}

function useCalm<T>(value: T): T {
  const [calm, setCalm] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setCalm(value), CALM_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return calm;
}
