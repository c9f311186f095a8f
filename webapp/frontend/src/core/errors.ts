/** The errors a teacher may see. Their messages are whole sentences that say what to do next. */
import { words } from "./words";

export class FirstbellError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = new.target.name;
  }
}

/** No host could be reached, or each that could was unable to answer. */
export class UnreachableError extends FirstbellError {
  constructor() {
    super("unreachable", words.errors.unreachable);
  }
}

/** Hosts answer, but none has all that we were told: whoever told us is gone, for now or for good. */
export class BehindError extends UnreachableError {}

/** A host understood the request and said no. */
export class ApiError extends FirstbellError {
  constructor(
    readonly status: number,
    code: string,
    message: string,
    readonly fields: Record<string, unknown>,
    /** The whole JSON body: some answers carry more, such as the stored version of a lesson. */
    readonly body: Record<string, unknown>,
  ) {
    super(code, message);
  }
}

export function messageFor(error: unknown): string {
  if (error instanceof FirstbellError) return error.message;
  return words.errors.unexpected;
}
