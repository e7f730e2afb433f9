// Countdowns. An element names its end (data-ends), the page the server's time when it was
// rendered (<html data-now>). The difference to the visitor's clock is taken once, so it does not
// matter how wrong that clock is, nor that a fragment comes out of the browser's cache.
// Every tick looks the elements up again: a live page swaps them at any time.
"use strict";
{
  const TICK_MS = 250;
  const previous = new WeakMap();
  const ahead = millisecondsAhead();

  // How far the server's clock is ahead of the visitor's, in milliseconds.
  function millisecondsAhead() {
    const KEPT = "toolsite.ahead";
    const visit = performance.getEntriesByType("navigation")[0];
    const arrived = performance.timeOrigin + (visit?.responseStart ?? 0);
    const measured = Date.parse(document.documentElement.dataset.now) - arrived;
    try {
      // Going back may show a page kept from long ago, whose time would put us behind.
      const before = visit?.type === "back_forward" ? sessionStorage.getItem(KEPT) : null;
      const found = before === null ? measured : Math.max(measured, Number(before));
      sessionStorage.setItem(KEPT, String(found));
      return found;
    } catch {
      return measured;
    }
  }

  window.say = (sentence) => {
    document.getElementById("say").textContent = sentence;
  };

  function secondsLeft(element) {
    return Math.max(0, (Date.parse(element.dataset.ends) - Date.now() - ahead) / 1000);
  }

  function clock(seconds) {
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }

  function warn(element, before, left) {
    const moments = (element.dataset.warn || "").split(" ").filter(Boolean).map(Number);
    const passed = moments.filter((moment) => left <= moment && before > moment).at(-1);
    // The first tick of a late page must not announce what passed long before.
    if (passed !== undefined && left > passed - 2) say(`${passed} seconds left to send the details.`);
  }

  // The end: show what to do now in place of the running clock, and say it.
  function finish(element) {
    const box = element.closest("[data-countdown]");
    const after = box?.querySelector("[data-when-over]");
    if (after) {
      box.querySelectorAll("[data-while-running]").forEach((part) => (part.hidden = true));
      after.hidden = false;
      say(after.textContent.trim().replace(/\s+/g, " "));
    }
    element.dispatchEvent(new CustomEvent("deadline", { bubbles: true }));
  }

  function tick() {
    for (const element of document.querySelectorAll("[data-ends]")) {
      const left = secondsLeft(element);
      const seen = previous.get(element);
      const before = seen?.ends === element.dataset.ends ? seen.left : Infinity;
      previous.set(element, { ends: element.dataset.ends, left });
      const text = clock(Math.ceil(left));
      if (element.textContent !== text) element.textContent = text;
      const bar = element.closest("[data-countdown]")?.querySelector("progress");
      if (bar) bar.value = left;
      warn(element, before, left);
      if (left === 0 && before > 0) finish(element);
    }
  }

  tick();
  setInterval(tick, TICK_MS);
  // Before the browser paints what was swapped in: an older number must not flash.
  document.addEventListener("htmx:afterSwap", tick);
}
