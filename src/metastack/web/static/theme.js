// Before anything is drawn: the theme that was chosen, else the system's.
const chosen = localStorage.getItem("metastack-theme");
if (chosen) document.documentElement.dataset.theme = chosen;

// The system's theme, where none was chosen.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => dispatchEvent(new Event("themechange")));

addEventListener("DOMContentLoaded", () => {
  document.getElementById("theme").addEventListener("click", () => {
    const dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = document.documentElement.dataset.theme || (dark ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    localStorage.setItem("metastack-theme", next);
    dispatchEvent(new Event("themechange"));
  });
});
