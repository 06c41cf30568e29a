// Copies a text, also where the browser has no clipboard for pages (without https://, in a frame, when it is forbidden).

/** Copies `text`; tells whether it worked. Must be called from a click. */
export async function copyText(text: string): Promise<boolean> {
  try {
    const { clipboard } = navigator as Partial<Navigator>;
    if (clipboard) {
      await clipboard.writeText(text);
      return true;
    }
  } catch {
    // Forbidden here; the older way may be allowed.
  }
  return copyBySelection(text);
}

function copyBySelection(text: string): boolean {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "hidden-text";
  // Inside an open dialog, which would take the focus back from anywhere else.
  (focused?.closest("[role=dialog]") ?? document.body).append(field);
  field.select();
  let is_copied = false;
  try {
    is_copied = document.execCommand("copy");
  } catch {
    // Not even that: whoever asked says so, and shows the text to be copied by hand.
  }
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return is_copied;
}
