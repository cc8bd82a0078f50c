// Buttons that copy. Outside a secure context there is no clipboard, so an old way stands in.
async function write(text) {
  if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("copy refused");
}

function say(text) {
  const place = document.getElementById("said");
  if (place) place.textContent = text;
}

export function watchCopying() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("button[data-copy]");
    if (!button) return;
    try {
      await write(button.dataset.copy);
      button.dataset.done = "";
      button.title = "Copied";
      say("Copied");
    } catch {
      button.title = "Could not copy: select the text instead";
      say(button.title);
    }
    setTimeout(() => {
      delete button.dataset.done;
      button.title = "Copy";
    }, 2000);
  });
}
