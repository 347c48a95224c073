// A button that destroys stays off until the name has been typed. The server compares it again.

export function confirmations(root: ParentNode): void {
  for (const field of root.querySelectorAll<HTMLInputElement>("input[data-expect]")) {
    const button = field.form?.querySelector<HTMLButtonElement>("button[data-confirmed]");
    if (!button) continue;
    const compare = () => (button.disabled = field.value !== field.dataset.expect);
    field.addEventListener("input", compare);
    compare();
  }
}
