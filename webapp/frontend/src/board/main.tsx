/** The board's page: starts it. It never gives up: a board has nobody to press "try again". */
import { render } from "preact";
import "../ui/design.css";
import "./board.css";
import { Api } from "../core/api";
import { fetchConfig, type Config } from "../core/config";
import { Hosts } from "../core/hosts";
import { language } from "../core/language";
import { bringWorker, whenIdle } from "../offline/worker";
import { Board } from "./Board";
import { words } from "./words";

const CONFIG_RETRY_MS = 3_000;

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (!root) return;
  document.documentElement.lang = language;
  document.title = words.title;
  const config = await configAtLast();
  render(
    <Board api={new Api(new Hosts(config.hosts), "board")} school={config.school_name ?? ""} />,
    root,
  );
}

async function configAtLast(): Promise<Config> {
  for (;;) {
    try {
      return await fetchConfig();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, CONFIG_RETRY_MS));
    }
  }
}

void start();
whenIdle(() => void bringWorker(new URL(import.meta.url).pathname));
