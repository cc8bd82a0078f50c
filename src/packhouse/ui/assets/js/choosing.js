// "All on this page" ticks the boxes of its form; a form for chosen rows is shown when something is chosen.
function count(form) {
  const boxes = [...form.querySelectorAll("input.row-check")];
  const chosen = boxes.filter((box) => box.checked).length;
  const all = form.querySelector("[data-all]");
  if (all) {
    all.checked = chosen === boxes.length && chosen > 0;
    all.indeterminate = chosen > 0 && chosen < boxes.length;
  }
  const button = form.querySelector(".bulk-bar button");
  if (button) button.disabled = chosen === 0;
}

export function countChosen(root) {
  for (const form of root.querySelectorAll("form[data-bulk]")) count(form);
}

export function watchChoosing() {
  document.addEventListener("change", (event) => {
    const form = event.target.closest?.("form[data-bulk]");
    if (!form) return;
    if (event.target.matches("[data-all]")) {
      for (const box of form.querySelectorAll("input.row-check")) box.checked = event.target.checked;
    }
    count(form);
  });
}
