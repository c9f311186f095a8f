/*
 * Keeps a page fresh that works without it: the live log, states, the time that is left.
 *
 * What changes is rendered by the server; here it is only fetched and put in place. The log comes by
 * server-sent events, which the browser itself resumes where they broke off; where they can't be had, it asks.
 */
"use strict";

const ASK_MILLISECONDS = 2000;
const REFRESH_MILLISECONDS = 200; // several events of one moment are one refresh
const TICK_MILLISECONDS = 1000;

const live = document.getElementById("live");
const log = document.getElementById("log");

// ---- the part that the server renders anew

let refreshing = null;
let shown = live ? live.innerHTML : "";

/** Somebody is choosing in a field, or has marked text: a swap would take it from under their hands. */
function busy() {
  const at = document.activeElement;
  const marked = document.getSelection();
  return (
    (at && live.contains(at) && at.matches("input, select, textarea")) ||
    (marked && !marked.isCollapsed && live.contains(marked.anchorNode))
  );
}

async function refresh() {
  if (busy()) {
    soon();
    return;
  }
  const answer = await fetch(live.dataset.page || location.href, { headers: { Accept: "text/html" } });
  if (answer.redirected && new URL(answer.url).pathname === "/sign-in") {
    location.reload();
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("live");
  if (!fresh || fresh.innerHTML === shown || busy()) return;
  const focused = live.contains(document.activeElement) ? document.activeElement.id : "";
  shown = fresh.innerHTML;
  live.replaceChildren(...fresh.childNodes);
  began = performance.now();
  if (focused) document.getElementById(focused)?.focus();
}

function soon() {
  refreshing ??= setTimeout(async () => {
    refreshing = null;
    await refresh().catch(() => {});
  }, REFRESH_MILLISECONDS);
}

if (live?.dataset.again) {
  setInterval(() => document.hidden || soon(), 1000 * Number(live.dataset.again));
  document.addEventListener("visibilitychange", () => document.hidden || soon());
}

// ---- the time that is left: by the server's count, not by this machine's clock

let began = performance.now();

function words(seconds) {
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  const [days, hours, rest] = [Math.floor(minutes / 1440), Math.floor(minutes / 60) % 24, minutes % 60];
  return [days && `${days} d`, hours && `${hours} h`, rest && !days && `${rest} min`].filter(Boolean).join(" ");
}

setInterval(() => {
  const passed = (performance.now() - began) / 1000;
  for (const time of document.querySelectorAll("time[data-left]")) {
    const text = words(Math.max(0, Math.round(Number(time.dataset.left) - passed)));
    if (time.textContent !== text) time.textContent = text;
  }
}, TICK_MILLISECONDS);

// ---- the log

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/** Hides "begins" of each task that has a result. */
function answer(item) {
  if (item.dataset.kind === "task" || item.dataset.kind === "step") return;
  const task = CSS.escape(item.dataset.task);
  log.querySelector(`[data-kind="task"][data-task="${task}"]`)?.classList.add("answered");
}

function add(line) {
  log.dataset.after = line.id;
  if (line.kind === "step" || line.kind === "failed") soon();
  const item = document.createElement("li");
  item.dataset.kind = line.kind;
  item.dataset.task = `${line.run}.${line.task}`;
  if (line.kind !== "skipped") {
    const text = element("span", "text", line.text);
    if (line.host) text.append(" ", element("span", "soft", line.host));
    if (line.seconds >= 1) text.append(" ", element("span", "soft", `${Math.round(line.seconds)} s`));
    const mark = element("span", "mark", "");
    mark.setAttribute("aria-hidden", "true");
    item.append(element("time", "", line.at.slice(11, 19)), " ", mark, text);
    if (line.detail) item.append(element("span", "detail", line.detail));
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    log.append(item);
    if (atEnd) log.scrollTop = log.scrollHeight;
  }
  answer(item);
}

function say(text) {
  const place = document.getElementById("line-state");
  if (place.textContent !== text) place.textContent = text;
}

function follow() {
  const events = new EventSource(`${log.dataset.events}?after=${log.dataset.after}`);
  events.addEventListener("line", (event) => add(JSON.parse(event.data)));
  events.addEventListener("environment", soon);
  events.addEventListener("end", () => {
    events.close();
    say("");
    soon();
  });
  events.addEventListener("open", () => say("live"));
  events.addEventListener("error", () => {
    say("reconnecting …");
    // The browser tries again by itself, unless it was told no.
    if (events.readyState === EventSource.CLOSED) ask();
  });
}

async function ask() {
  try {
    const answer = await fetch(`${log.dataset.log}?after=${log.dataset.after}`);
    if (answer.status === 401) location.reload();
    if (!answer.ok) throw new Error(answer.status);
    const news = await answer.json();
    news.lines.forEach(add);
    say("live");
    soon();
    if (!news.environment.open) {
      say("");
      return;
    }
  } catch {
    say("reconnecting …");
  }
  setTimeout(ask, ASK_MILLISECONDS);
}

if (log) {
  log.querySelectorAll("li").forEach(answer);
  log.scrollTop = log.scrollHeight;
  if (!("over" in log.dataset)) follow();
}

// ---- copying

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = "Copied";
  });
}
