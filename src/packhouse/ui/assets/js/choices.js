// The client somebody chose stays chosen, on this page and on the next.
const KEY = "packhouse.client.";

function recall(group) {
  try { return localStorage.getItem(KEY + group); } catch { return null; }
}

function remember(group, client) {
  try { localStorage.setItem(KEY + group, client); } catch { /* a private window: it is forgotten, nothing else */ }
}

export function watchChoices() {
  for (const box of document.querySelectorAll("[data-choice]")) {
    const chosen = recall(box.dataset.choice);
    for (const input of box.querySelectorAll(".tab-input")) if (input.value === chosen) input.checked = true;
  }
  document.addEventListener("change", (event) => {
    const box = event.target.matches?.(".tab-input") && event.target.closest("[data-choice]");
    if (box) remember(box.dataset.choice, event.target.value);
  });
}
