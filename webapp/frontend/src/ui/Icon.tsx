/** The few pictures on buttons: lines in the text's colour. Words always go with them. */

const LINES: Record<string, string> = {
  back: "M11 5l-7 7 7 7M4 12h16",
  next: "M13 5l7 7-7 7M20 12H4",
  pen: "M4 20l1-5L16 4l4 4L9 19zM13.5 6.5l4 4",
  highlighter: "M6 14l4 4-2 2H3zM8 12l8-8 5 5-8 8zM14 21h7",
  eraser: "M9 20l-5-5 9.5-9.5 6 6L11 20zM8.5 10.5l6 6M9 20h11",
  undo: "M8 4L3 9l5 5M3 9h11a5.5 5.5 0 0 1 0 11h-4",
  redo: "M16 4l5 5-5 5M21 9H10a5.5 5.5 0 0 0 0 11h4",
  clear: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5.5M14 11v5.5",
  laser: "M3 21l8.5-8.5M14 11a1.5 1.5 0 1 0-.01 0M14 3v2.5M21.5 9.5H19M19.5 4l-2 2M8.5 4l2 2M19.5 15l-2-2",
  spotlight: "M3 4h18v16H3zM12 8a4 4 0 1 0 .01 0",
  zoom: "M10 4a6 6 0 1 0 .01 0M21 21l-6.7-6.7M10 7.5v5M7.5 10h5",
  timer: "M12 5a8 8 0 1 0 .01 0M12 9v4l3 2M9 2h6",
  overview: "M4 4h7v7H4zM13.5 4h7v7h-7zM4 13.5h7v7H4zM13.5 13.5h7v7h-7z",
  fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  help: "M12 3a9 9 0 1 0 .01 0M9.5 9.5a2.5 2.5 0 1 1 3.6 2.3c-.9.5-1.1 1-1.1 1.9M12 16.8v.1",
  tools: "M4 6h9M17 6h3M15 4v4M4 12h3M11 12h9M9 10v4M4 18h9M17 18h3M15 16v4",
};

/** Nothing if there is no such picture. */
export function Icon({ name }: { name: string }) {
  if (name === "blank-black" || name === "blank-white") {
    return <span class={`swatch swatch-${name.slice("blank-".length)}`} aria-hidden="true" />;
  }
  const path = LINES[name];
  if (!path) return null;
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={path} />
    </svg>
  );
}
