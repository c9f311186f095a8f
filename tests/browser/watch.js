// Put into every page before its own scripts: keeps a record of what a person could have seen.
// `sessionStorage` outlives reloads, `window` does not: a lost marker is a reload nobody asked for.
(() => {
  const KEY = "watch.errors";
  const now = () => performance.timeOrigin + performance.now();
  const record = (key, entry) => {
    const list = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    sessionStorage.setItem(key, JSON.stringify([...list, entry]));
  };
  const told = new WeakMap();
  const lookForErrors = () => {
    for (const element of document.querySelectorAll('[data-testid="error"]')) {
      const text = element.textContent;
      if (told.get(element) === text) continue;
      told.set(element, text);
      record(KEY, text);
    }
  };
  window.watchShown = [];
  let last = "";
  const lookAtSlide = () => {
    const element = document.querySelector('[data-testid="slide"]');
    if (!element) return;
    const at = `${element.dataset.slide}/${element.dataset.step}`;
    if (at === last) return;
    last = at;
    // After the next frame it is on the screen, not only in the document.
    requestAnimationFrame(() => window.watchShown.push({ at, time: now() }));
  };
  window.watchNow = now;
  // A moment of the page, for a selector: resolves with when it was first there and visible.
  window.watchFor = (selector, limit) =>
    new Promise((resolve) => {
      const end = now() + limit;
      const look = () => {
        const element = document.querySelector(selector);
        if (element && element.getClientRects().length > 0) return resolve(now());
        if (now() > end) return resolve(null);
        requestAnimationFrame(look);
      };
      look();
    });
  const look = () => {
    lookForErrors();
    lookAtSlide();
  };
  new MutationObserver(look).observe(document, {
    subtree: true,
    childList: true,
    characterData: true,
    attributes: true,
    attributeFilter: ["data-slide", "data-step", "data-testid"],
  });
})();
