// The libraries register themselves; nothing of theirs is called by name.
declare module "htmx.org/dist/htmx.esm.js" {
  const htmx: { config: Record<string, unknown>; process(element: Element): void };
  export default htmx;
}
declare module "htmx-ext-sse/sse.js";
