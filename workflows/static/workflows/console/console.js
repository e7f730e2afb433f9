// What the console does besides with scripts: times in the person's zone, live lists with a pause, choosing
// all, copying. Every page works without it.
"use strict";
{
  const say = (sentence) => {
    document.getElementById("say").textContent = sentence;
  };

  // The server renders times: it is told the zone once, and the first page is asked for again.
  function tellZone() {
    const name = document.documentElement.dataset.zoneCookie;
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const wanted = `${name}=${zone}`;
    const isTold = () => document.cookie.split("; ").includes(wanted);
    if (!zone || isTold()) return;
    document.cookie = `${wanted};path=/;max-age=31536000;samesite=lax`;
    // The answer to a form is not asked for twice.
    const isForm = document.querySelector("[data-no-reload]");
    if (isTold() && zone !== "UTC" && !isForm) location.reload();
  }

  const live = document.querySelector("[data-live]");
  const controls = document.querySelector("[data-live-controls]");
  const pause = document.querySelector("[data-pause]");
  let isPaused = false;

  function isChoosing() {
    return live.querySelector('input[name="run"]:checked, details[open]:not(.json details)') !== null;
  }

  if (live?.hasAttribute("hx-get") && controls && window.htmx) {
    controls.hidden = false;
    pause.addEventListener("click", () => {
      isPaused = !isPaused;
      pause.setAttribute("aria-pressed", String(isPaused));
      pause.textContent = isPaused ? "Go on" : "Pause";
      controls.classList.toggle("is-paused", isPaused);
      say(isPaused ? "Paused" : "Live");
    });
    // Nobody looks, or somebody is choosing: what is swapped in would take the choice away.
    document.addEventListener("htmx:beforeRequest", (event) => {
      if (event.detail.elt === live && (isPaused || document.hidden || isChoosing())) event.preventDefault();
    });
    document.addEventListener("htmx:responseError", () => controls.classList.add("is-away"));
    document.addEventListener("htmx:sendError", () => controls.classList.add("is-away"));
    document.addEventListener("htmx:afterSwap", () => {
      controls.classList.remove("is-away");
      prepare();
    });
  }

  // What is of use with scripts only.
  function prepare() {
    for (const each of document.querySelectorAll("[data-tick-all], [data-copy-from]")) each.hidden = false;
    tellChosen();
  }

  function tellChosen() {
    const bar = document.querySelector("[data-bulk-count]");
    if (!bar) return;
    const chosen = document.querySelectorAll('input[name="run"]:checked').length;
    bar.textContent = chosen ? `${chosen} chosen` : "";
  }

  async function copy(button) {
    try {
      const answer = await fetch(button.dataset.copyFrom);
      if (!answer.ok) throw new Error(String(answer.status));
      await navigator.clipboard.writeText(await answer.text());
      say("Copied");
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not copied: download it";
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy-from]");
    if (button) copy(button);
  });
  document.addEventListener("change", (event) => {
    const { target } = event;
    if (target.matches("[data-submit-on-change]")) target.form.requestSubmit();
    if (target.matches("[data-tick-all]")) {
      for (const each of document.querySelectorAll('input[name="run"]')) each.checked = target.checked;
    }
    tellChosen();
  });
  // "/" leads to the search, as on many sites.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea, [contenteditable]");
    const box = document.getElementById("q");
    if (event.key !== "/" || isTyping || !box || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    box.focus();
  });
  // Work in batches goes on by itself; without scripts, by its button.
  const goOn = document.querySelector("form[data-go-on]");
  if (goOn) setTimeout(() => goOn.requestSubmit(), 150);

  tellZone();
  prepare();
}
