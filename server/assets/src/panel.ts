// Liveness on top of pages that work without it: every module only improves what the markup already does.
import "./htmx";
import "htmx-ext-sse/sse.js";
import { commandBar } from "./command-bar";
import { confirmations } from "./confirm";
import { copying } from "./copy";
import { errors } from "./errors";
import { selection } from "./selection";
import { times } from "./times";

const modules = [copying, confirmations, errors, selection, times];

function enliven(root: ParentNode): void {
  for (const start of modules) start(root);
}

enliven(document);
commandBar();
document.addEventListener("htmx:load", (event) => {
  if (event.target instanceof Element && event.target !== document.body) enliven(event.target);
});
