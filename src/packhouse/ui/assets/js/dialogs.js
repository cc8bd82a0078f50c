// A link that asks before something goes opens its page as a dialog over this one. Where that fails, the page itself opens.
async function open(href) {
  const answer = await fetch(href, { credentials: "same-origin" });
  const part = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("confirm");
  if (!answer.ok || !part) throw new Error("nothing to ask");
  const dialog = document.createElement("dialog");
  dialog.className = "asking";
  dialog.setAttribute("aria-labelledby", "confirm-head");
  dialog.append(document.adoptNode(part));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
    if (event.target.closest?.("[data-cancel]")) {
      event.preventDefault();
      dialog.close();
    }
  });
  document.body.append(dialog);
  dialog.showModal();
}

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-dialog]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link.href).catch(() => location.assign(link.href));
  });
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches?.("form[data-bulk]")) return;
    event.preventDefault();
    const href = `${form.action}?${new URLSearchParams(new FormData(form))}`;
    open(href).catch(() => location.assign(href));
  });
}
