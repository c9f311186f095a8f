/** The errors a teacher may see. Their messages are whole sentences that say what to do next. */

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
    super(
      "unreachable",
      "Firstbell can’t be reached just now. Your work is kept on this device. " +
        "Please check the network and try again in a moment.",
    );
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
  return "Something unexpected happened. Please try again.";
}
