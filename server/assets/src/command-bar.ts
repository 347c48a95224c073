// Ctrl K goes to the field that finds everything; arrows walk through what was found, Escape leaves.

export function commandBar(): void {
  const bar = document.querySelector<HTMLElement>("[data-command-bar]");
  const field = bar?.querySelector<HTMLInputElement>("input[type=search]");
  if (!bar || !field) return;
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  bar.addEventListener("keydown", (event) => {
    const links = [...bar.querySelectorAll<HTMLAnchorElement>("a[data-found]")];
    const here = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (event.key === "Escape") {
      (document.activeElement as HTMLElement | null)?.blur();
      bar.querySelector("[data-results]")?.replaceChildren();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = event.key === "ArrowDown" ? here + 1 : here - 1;
      (links[next] ?? field).focus();
    }
  });
}
