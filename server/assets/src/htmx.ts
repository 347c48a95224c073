// The library as the extension expects to find it.
import htmx from "htmx.org/dist/htmx.esm.js";

(globalThis as unknown as { htmx: typeof htmx }).htmx = htmx;
