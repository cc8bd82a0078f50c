// "/" goes to the search field, Escape and a click elsewhere close a menu.
function closeMenus(except) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) if (menu !== except) menu.open = false;
}

export function watchKeys() {
  // on a narrow screen the page one is on may be beyond the edge of its row
  for (const here of document.querySelectorAll(".places [aria-current], .page-tabs [aria-current]")) {
    const row = here.closest("nav");
    row.scrollLeft = here.offsetLeft - row.clientWidth / 2 + here.offsetWidth / 2;
  }
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const field = document.getElementById("search") || document.getElementById("find");
      if (!field) return;
      event.preventDefault();
      field.focus();
      field.select();
    }
    if (event.key === "Escape") {
      const open = event.target.closest?.("details[data-menu][open]");
      closeMenus();
      open?.querySelector("summary")?.focus();
    }
  });
  document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details[data-menu]")));
}
