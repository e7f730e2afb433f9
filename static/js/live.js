// Live pages: the board and the status ask for their own fragment again and again (htmx).
"use strict";
{
  // A full page where a fragment was expected (signed out, gone): go there instead of nesting it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { pathInfo, serverResponse, xhr } = event.detail;
    const asked = new URL(pathInfo.requestPath, location.href);
    const answered = new URL(xhr.responseURL || asked, location.href);
    const isPage = /^\s*<!doctype/i.test(serverResponse);
    if (!isPage && asked.pathname === answered.pathname) return;
    event.detail.shouldSwap = false;
    location.assign(asked);
  });

  // Say whether the page is up to date.
  const mark = document.querySelector("[data-live]");
  if (mark && window.htmx) mark.hidden = false;
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!mark) return;
    const lost = !event.detail.successful;
    mark.toggleAttribute("data-lost", lost);
    const text = lost ? "Connection lost, trying again" : "Live";
    if (mark.textContent !== text) mark.textContent = text;
  });

  // A new headline is announced and becomes the tab's title.
  const headline = () => document.querySelector("[data-headline]")?.dataset.headline;
  let known = headline();
  document.addEventListener("htmx:afterSwap", () => {
    const current = headline();
    if (!current || current === known) return;
    known = current;
    say(current);
    document.title = `${current} · Toolsite`;
  });

  // A reservation ended: the board should show it now, not at its next turn.
  document.addEventListener("deadline", () => {
    const board = document.getElementById("board");
    if (board && window.htmx) htmx.trigger(board, "refresh");
  });

  // Back to a kept page: its form carries a spent key and its bar an old reservation.
  addEventListener("pageshow", (event) => {
    const board = document.getElementById("board");
    if (event.persisted && board) location.assign(board.getAttribute("hx-get"));
  });
}
