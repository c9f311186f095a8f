/** The shapes of the API's answers that the pages use. */

export interface User {
  id: number | string;
  username: string;
  name: string;
  school: { id: number | string; name: string } | null;
  /** Not in what an older release left in this browser. */
  email?: string;
  is_school_admin?: boolean;
}

export interface SessionAnswer {
  user: User;
  csrf_token: string;
}

/** Somebody else's program for slides, for which a lesson can be kept. */
export type Program = "marp" | "reveal";

export interface LessonSummary {
  id: string;
  title: string;
  slide_count: number;
  version: string;
  updated_at: string;
  /** The school may read and copy it. */
  shared?: boolean;
}

/** What a colleague shares. */
export interface SharedLesson extends LessonSummary {
  author: string;
}

export interface Slide {
  title: string;
  markdown: string;
  notes: string;
}

export interface Lesson {
  id: string;
  title: string;
  markdown: string;
  version: string;
  updated_at: string;
  slides: Slide[];
  warnings: { slide: number | null; message: string }[];
  /** These three are told to teachers only. */
  author?: string;
  mine?: boolean;
  shared?: boolean;
}

export interface LessonDraft {
  title: string;
  markdown: string;
  /** UUIDv7 made for this save: repeating the save repeats it. */
  version: string;
  /** The version that was edited; null for a new lesson. */
  base_version: string | null;
}

export interface ImportResult {
  id: string;
  lessons: { id: string; title: string; slide_count: number }[];
  warnings: { file: string; slide: number | null; message: string }[];
}

export interface TeachingSummary {
  id: string;
  lesson: string | null;
  updated_at: string;
}

export interface Teaching extends TeachingSummary {
  /** Role token for the realtime socket; fresh at each call. */
  token: string;
}
