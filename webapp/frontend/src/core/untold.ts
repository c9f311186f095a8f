/** What a person wanted deleted must reach the servers: what could not be told is kept on the device, and told later. */
import type { Api } from "./api";
import { ApiError } from "./errors";
import { load, save } from "./storage";

interface Deletion {
  path: string;
  /** The board's, if it is not a signed-in person who deletes. */
  token?: string;
}

export class Untold {
  constructor(
    private readonly api: Pick<Api, "ask">,
    private readonly key: string,
  ) {}

  /** Throws if it could not be told now. */
  async tell(path: string, token?: string): Promise<void> {
    this.keep([...this.kept(), token === undefined ? { path } : { path, token }]);
    await this.retry();
  }

  /** Tells what is left from before. Throws what keeps it from being told. */
  async retry(): Promise<void> {
    for (const one of this.kept()) {
      try {
        await this.api.ask("DELETE", one.path, undefined, one.token);
      } catch (problem) {
        const signedOut = problem instanceof ApiError && problem.status === 401 && !one.token;
        if (!(problem instanceof ApiError) || signedOut) throw problem;
        // Refused is refused: it is not there, or somebody else's; or the token is worth nothing already.
      }
      const same = ({ path, token }: Deletion): boolean => path === one.path && token === one.token;
      this.keep(this.kept().filter((other) => !same(other)));
    }
  }

  private kept(): Deletion[] {
    // Releases before kept the paths alone.
    const kept = load<(Deletion | string)[]>(this.key, []);
    return kept.map((one) => (typeof one === "string" ? { path: one } : one));
  }

  private keep(deletions: Deletion[]): void {
    save(this.key, deletions);
  }
}
