// The moderators' keys: a letter moves to its button, field or link, and Enter presses it, so that no
// single key decides anything. They can be turned off (WCAG 2.1.4); the tab remembers that.
"use strict";
{
  const OFF = "toolsite.keys.off";
  const note = document.querySelector("[data-keys]");
  const toggle = document.querySelector("[data-keys-toggle]");
  let isOn = true;
  try {
    isOn = sessionStorage.getItem(OFF) === null;
  } catch {
    // Storage is forbidden: the keys work, and turning them off holds for this page.
  }

  function show() {
    if (!note) return;
    note.hidden = false;
    toggle.setAttribute("aria-pressed", String(isOn));
  }

  toggle?.addEventListener("click", () => {
    isOn = !isOn;
    try {
      if (isOn) sessionStorage.removeItem(OFF);
      else sessionStorage.setItem(OFF, "yes");
    } catch {
      // As above.
    }
    show();
  });

  function placeOf(key) {
    if (key === "o") return document.querySelector("[data-key-link] a");
    const place = document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (place?.matches("details")) place.open = true;
    return place?.matches("a, button") ? place : place?.querySelector("textarea");
  }

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    if (!isOn || isTyping || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    const place = placeOf(event.key.toLowerCase());
    if (!place) return;
    event.preventDefault();
    place.focus();
  });

  show();
  // Wrong answers are shown at their field; else the page begins at what is to be judged.
  document.querySelector(".error")?.closest(".field")?.querySelector("textarea")?.focus();
}
