// What makes pages quicker to use. Every page works without it.
import "htmx.org";
import { watchCopying } from "./js/copying.js";
import { watchChoices } from "./js/choices.js";
import { countChosen, watchChoosing } from "./js/choosing.js";
import { watchDialogs } from "./js/dialogs.js";
import { watchKeys } from "./js/keys.js";
import { localise } from "./js/times.js";

watchCopying();
watchChoices();
watchChoosing();
watchDialogs();
watchKeys();
countChosen(document);
localise(document);
document.addEventListener("htmx:after:swap", () => {
  localise(document);
  countChosen(document);
});
