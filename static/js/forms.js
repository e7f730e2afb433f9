// Forms: focus on the errors, character counters, typed details that survive, menus that close.
"use strict";
{
  document.querySelector("[data-error-summary]")?.focus();

  // Counters are for those who see them fill; the limit itself is in the hint.
  function showCount(input) {
    const count = input.closest(".field")?.querySelector(".count");
    if (!count || !(input.maxLength > 0)) return;
    count.textContent = `${[...input.value].length} of ${input.maxLength}`;
    count.hidden = false;
  }
  document.addEventListener("input", (event) => showCount(event.target));

  // What was typed and not sent is kept in this tab: a reload, a deadline or a new slot
  // must not cost it. Sending, giving the slot back and signing out forget it.
  const DRAFT = "toolsite.details";
  const draft = {
    read() {
      try {
        return JSON.parse(sessionStorage.getItem(DRAFT));
      } catch {
        return null;
      }
    },
    keep(form) {
      const typed = fieldsOf(form).map((field) => [field.name, field.value]);
      try {
        sessionStorage.setItem(DRAFT, JSON.stringify(Object.fromEntries(typed)));
      } catch {
        // Storage is full or forbidden: the page works as it does without a draft.
      }
    },
    forget() {
      try {
        sessionStorage.removeItem(DRAFT);
      } catch {
        // Nothing was kept either.
      }
    },
  };

  function fieldsOf(form) {
    return [...form.elements].filter((field) => field.matches("input:not([type=hidden]), select, textarea"));
  }

  const form = document.querySelector("form[data-draft]");
  const kept = draft.read();
  if (form) {
    const isEmpty = fieldsOf(form).every((field) => field.matches("select") || !field.value);
    if (isEmpty && kept) {
      for (const field of fieldsOf(form)) if (kept[field.name]) field.value = kept[field.name];
    }
    form.addEventListener("input", () => draft.keep(form));
  }
  document.querySelectorAll(".field :is(input, textarea)").forEach(showCount);

  const note = document.querySelector("[data-draft-note]");
  if (note && kept) note.hidden = false;
  if (document.querySelector("[data-draft-sent]")) draft.forget();
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-draft-forget]")) draft.forget();
  });

  // Menus are <details>: they open by themselves, but only we can close them from outside.
  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (menu !== except) menu.open = false;
    }
  }
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const menu = document.querySelector("details.menu[open]");
    closeMenus(null);
    menu?.querySelector("summary").focus();
  });
}
