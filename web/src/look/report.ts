// The last stop of a failure that nobody can do anything about: the browser's own error log.

/** Hands a failure to the browser, which shows it to developers. For promises whose outcome changes nothing on the page. */
export function reportFault(thrown: unknown): void {
  if (typeof globalThis.reportError === "function") globalThis.reportError(thrown);
  else
    queueMicrotask(() => {
      throw thrown;
    });
}
