// Copies a text, also where the browser has no clipboard for pages (without https://, in a frame, when it is forbidden).

/** Copies `text`, which may still be on its way; tells whether it worked. Must be called from a click. Errors: those of `text`. */
export async function copyText(text: string | Promise<string>): Promise<boolean> {
  try {
    const { clipboard } = navigator as Partial<Navigator>;
    if (clipboard) {
      await writeTo(clipboard, text);
      return true;
    }
  } catch {
    // Forbidden here; the older way may be allowed. A text that did not come fails again below.
  }
  return copyBySelection(await text);
}

// Safari takes no text once the click is over, but it takes the promise of one during the click.
async function writeTo(clipboard: Clipboard, text: string | Promise<string>): Promise<void> {
  if (typeof text === "string" || !("ClipboardItem" in globalThis))
    return clipboard.writeText(await text);
  const blob = text.then((whole) => new Blob([whole], { type: "text/plain" }));
  await Promise.all([blob, clipboard.write([new ClipboardItem({ "text/plain": blob })])]);
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
