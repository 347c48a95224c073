// Rows of a table are selected together; the bar of what can be done with them says how many there are.

export function selection(root: ParentNode): void {
  for (const form of root.querySelectorAll<HTMLFormElement>("form[data-selection]")) {
    const all = form.querySelector<HTMLInputElement>("input[data-all]");
    const rows = () => [...form.querySelectorAll<HTMLInputElement>("input[data-row]")];
    const count = form.querySelector<HTMLElement>("[data-count]");
    const show = () => {
      const chosen = rows().filter((row) => row.checked).length;
      if (count) count.textContent = String(chosen);
      form.classList.toggle("has-selection", chosen > 0);
      if (all) {
        all.checked = chosen > 0 && chosen === rows().length;
        all.indeterminate = chosen > 0 && chosen < rows().length;
      }
    };
    if (all) {
      all.hidden = false;
      all.onchange = () => {
        for (const row of rows()) row.checked = all.checked;
        show();
      };
    }
    form.classList.add("is-live");
    form.addEventListener("change", show);
    show();
  }
}
