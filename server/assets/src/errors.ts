// After a refused form, the first field at fault has the focus.

export function errors(root: ParentNode): void {
  root.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
}
