// Times in the viewer's own zone and words.
const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

export function localise(root) {
  for (const element of root.querySelectorAll("time[datetime]:not([data-local])")) {
    const text = format.format(new Date(element.dateTime));
    element.dataset.local = "";
    element.title = text;
    const unseen = element.querySelector(".unseen");
    if (unseen) unseen.textContent = `, ${text}`;
  }
}
