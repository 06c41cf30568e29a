// Numbers as JSON writes them: a double holds some of them only as another number.

/** Significant digits that every double holds (IEEE 754). */
const digits_certain = 15;

/** Whether the double that is read for a number is shown as the same number again. */
export function isExact(literal: string): boolean {
  if (literal.length <= digits_certain && !/[eE]/.test(literal)) return true;
  const value = Number(literal);
  return Number.isFinite(value) && canonical(literal) === canonical(String(value));
}

// Significant digits and exponent: 1.50e3 and 1500 are the same.
function canonical(literal: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal);
  const [, sign = "", whole = "", fraction = "", exponent = "0"] = match ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const short = digits.replace(/0+$/, "");
  if (short === "") return "0";
  return `${sign}${short}e${Number(exponent) - fraction.length + digits.length - short.length}`;
}
