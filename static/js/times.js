// Times: the page says them in UTC; beside that stands the visitor's own zone, where it differs.
"use strict";
{
  // The own clock, and the own day where it is another one than in UTC.
  function ownTime(element, at) {
    const isSameDay = at.getDate() === at.getUTCDate();
    return new Intl.DateTimeFormat("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      ...(element.dataset.local === "second" && { second: "2-digit" }),
      ...(!isSameDay && { day: "numeric", month: "short" }),
    }).format(at);
  }

  function showOwnTimes() {
    for (const element of document.querySelectorAll("time[data-local]")) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime()) || at.getTimezoneOffset() === 0) continue;
      const text = ` (${ownTime(element, at)} your time)`;
      if (!element.textContent.endsWith(text)) element.textContent += text;
    }
  }

  showOwnTimes();
  // Before the browser paints what was swapped in: it has UTC only.
  document.addEventListener("htmx:afterSwap", showOwnTimes);
}
