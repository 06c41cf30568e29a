// Looks at a page as it is laid out now and names what a person would stumble over: text that is cut off or runs out of
// its control, controls that lie on each other, what is wider than the window, what a finger would miss.
import type { Page } from "playwright-core";

/**
 * Waits until a page has followed its new size, and ends what is on its way: a drawing that is measured takes its size a frame or two
 * later, and colours in the middle of a transition are nobody's.
 */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    for (let frame = 0; frame < 4; frame += 1)
      await new Promise((done) => requestAnimationFrame(done));
    for (const animation of document.getAnimations()) animation.finish();
  });
}

/** What is wrong with the layout of a page; empty where nothing is. */
export function layoutFaults(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const finger_px = 44;
    // Rounding of text widths.
    const slack_px = 1.5;
    const faults: string[] = [];
    const root = document.documentElement;
    if (root.scrollWidth > root.clientWidth)
      faults.push(`wider than the window by ${root.scrollWidth - root.clientWidth} px`);

    const is_shown = (element: Element): boolean =>
      element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const wordsOf = (element: Element): string => (element.textContent ?? "").trim().slice(0, 50);
    const textRects = (element: Element): DOMRect[] => {
      // Its own words only: those of its parts are looked at with them.
      const rects = [...element.childNodes].flatMap((node) => {
        if (node.nodeType !== Node.TEXT_NODE) return [];
        const range = document.createRange();
        range.selectNodeContents(node);
        return [...range.getClientRects()];
      });
      return rects.filter(({ width, height }) => width > 1 && height > 1);
    };
    // What people wrote may be shortened, with the whole said elsewhere; our own words may not.
    const is_theirs = (element: Element): boolean =>
      element.closest("bdi, .tile-name-text, .listener-name, .mono, code, pre, svg, .message") !==
        null || element.querySelector("bdi") !== null;

    for (const element of document.body.querySelectorAll("*")) {
      const has_text = [...element.childNodes].some(
        (node) => node.nodeType === Node.TEXT_NODE && (node.textContent ?? "").trim() !== "",
      );
      if (!has_text || !is_shown(element) || is_theirs(element)) continue;
      if (element.closest(".hidden-text, [aria-hidden=true]:not(small):not(.notices)")) continue;
      const style = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      if (box.width < 2) continue;
      const is_clipping = style.overflowX !== "visible" && style.overflowX !== "auto";
      if (is_clipping && element.scrollWidth > element.clientWidth + slack_px)
        faults.push(`cut off: “${wordsOf(element)}”`);
      const control = element.closest(
        "button, .chip, .fact, [role=tab], a.button, nav a, .control",
      );
      if (!control) continue;
      const edge = control.getBoundingClientRect();
      for (const { left, right, top, bottom } of textRects(element)) {
        const out = Math.max(
          edge.left - left,
          right - edge.right,
          edge.top - top,
          bottom - edge.bottom,
        );
        if (out > slack_px) {
          faults.push(`runs ${Math.round(out)} px out of its control: “${wordsOf(element)}”`);
          break;
        }
      }
    }

    const controls = [
      ...document.querySelectorAll(
        "button, a[href], input:not([type=checkbox]):not([type=range]), textarea",
      ),
    ].filter((element) => {
      if (!is_shown(element) || element.closest(".skip, [inert], [aria-hidden=true]")) return false;
      const { width, height } = element.getBoundingClientRect();
      return width > 2 && height > 2;
    });
    const nameOf = (element: Element): string =>
      element.getAttribute("aria-label") ?? (wordsOf(element) || element.tagName.toLowerCase());
    for (const control of controls) {
      // What a box hides cannot be scrolled to either.
      const inner = control.getBoundingClientRect();
      for (let box = control.parentElement; box; box = box.parentElement) {
        const { overflowX } = getComputedStyle(box);
        if (overflowX === "auto" || overflowX === "scroll") break;
        const { left, right } = box.getBoundingClientRect();
        if (overflowX === "visible" || right - left < 2) continue;
        const hidden = Math.max(left - inner.left, inner.right - right);
        if (hidden > slack_px) faults.push(`${Math.round(hidden)} px hidden: “${nameOf(control)}”`);
      }
    }
    // Only within one layer: a dialog lies on the page, a menu on the dialog.
    const layerOf = (element: Element): Element =>
      element.closest("[role=dialog], .popover, .tile, .side, .chat-log") ?? document.body;
    for (const [at, one] of controls.entries()) {
      const a = one.getBoundingClientRect();
      for (const other of controls.slice(at + 1)) {
        if (one.contains(other) || other.contains(one) || layerOf(one) !== layerOf(other)) continue;
        const b = other.getBoundingClientRect();
        const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (width > 2 && height > 2)
          faults.push(`“${nameOf(one)}” and “${nameOf(other)}” lie on each other`);
      }
      if (!matchMedia("(pointer: coarse)").matches) continue;
      // A link inside a sentence may be as high as its line (WCAG 2.2, 2.5.8).
      if (one.tagName === "A" && getComputedStyle(one).display === "inline") continue;
      if (a.width < finger_px - 0.5 || a.height < finger_px - 0.5)
        faults.push(
          `too small for a finger, ${Math.round(a.width)} × ${Math.round(a.height)}: “${nameOf(one)}”`,
        );
    }
    return [...new Set(faults)];
  });
}
