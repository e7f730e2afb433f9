// Light or dark: the choice lives in a cookie, so that the server renders it and no page flashes.
"use strict";
{
  const YEAR_SECONDS = 365 * 24 * 3600;
  const root = document.documentElement;

  // The admin's pages do not render the cookie themselves: there this runs in the head.
  const chosen = document.cookie.match(/(?:^|; )theme=(light|dark)(?:;|$)/);
  if (chosen) root.dataset.theme = chosen[1];

  function isDark() {
    if (root.dataset.theme) return root.dataset.theme === "dark";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    root.dataset.theme = isDark() ? "light" : "dark";
    document.cookie = `theme=${root.dataset.theme};path=/;max-age=${YEAR_SECONDS};samesite=lax`;
  });
}
