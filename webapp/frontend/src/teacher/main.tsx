/** The teacher's page: starts it. */
import { render } from "preact";
import "../ui/design.css";
import "../ui/teacher.css";
import { Api } from "../core/api";
import { fetchConfig } from "../core/config";
import { Hosts } from "../core/hosts";
import { UnreachableError } from "../core/errors";
import { language } from "../core/language";
import { bringWorker, whenIdle } from "../offline/worker";
import { ErrorNote } from "../ui/ErrorNote";
import { App } from "./App";
import { readyDrafts } from "./drafts";
import { takeCodeFromAddress } from "./state";

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (!root) return;
  document.documentElement.lang = language;
  takeCodeFromAddress();
  try {
    const [config] = await Promise.all([fetchConfig(), readyDrafts()]);
    render(
      <App api={new Api(new Hosts(config.hosts), "teacher")} school={config.school_name ?? ""} />,
      root,
    );
  } catch {
    render(<ErrorNote message={new UnreachableError().message} />, root);
  }
}

void start();
whenIdle(() => void bringWorker(new URL(import.meta.url).pathname));
