// Buttons that copy or save a text that stands in the page. They are hidden where there is no script.

export function copying(root: ParentNode): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    button.hidden = false;
    button.onclick = () => void copy(button);
  }
  for (const button of root.querySelectorAll<HTMLButtonElement>("button[data-save]")) {
    button.hidden = false;
    button.onclick = () => save(button.dataset.save ?? "", button.dataset.name ?? "berth.txt");
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(button.dataset.copy ?? "");
  } catch {
    return; // The text stays selectable beside the button.
  }
  const label = button.textContent;
  button.textContent = button.dataset.done ?? label;
  setTimeout(() => (button.textContent = label), 1500);
}

function save(text: string, name: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
