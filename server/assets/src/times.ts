// The exact moment, in the viewer's own time zone, under the words that say how long ago it was.

export function times(root: ParentNode): void {
  const format = new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: "long",
    timeStyle: "long",
  });
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    time.title = format.format(new Date(time.dateTime));
  }
}
