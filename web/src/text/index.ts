// Texts of the pages in the reader's language: looked up by key, filled with values, counted by the language's rules.
import { isolated } from "./bidi.ts";
import { de } from "./de.ts";
import { type Entry, en } from "./en.ts";

/** Key of a text. */
export type TextKey = keyof typeof en;

/** What fills the `{…}` of a text. */
export type Values = Readonly<Record<string, string | number>>;

/** Every language there is, with its own name for itself and its direction. */
export const languages = {
  en: { name: "English", direction: "ltr", texts: en },
  de: { name: "Deutsch", direction: "ltr", texts: de },
} as const satisfies Record<
  string,
  { name: string; direction: "ltr" | "rtl"; texts: Record<TextKey, Entry> }
>;

/** Code of a language. */
export type Language = keyof typeof languages;

/** Looks a text up and fills it; what people wrote stands in it as one piece. A value that is missing stays visible as `{name}`. */
export function write(language: Language, key: TextKey, values: Values = {}): string {
  const entry: Entry = languages[language].texts[key];
  const text = typeof entry === "string" ? entry : entry[formFor(language, values["count"])];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return whole;
    return typeof value === "number"
      ? new Intl.NumberFormat(language).format(value)
      : isolated(value, languages[language].direction);
  });
}

function formFor(language: Language, count: string | number | undefined): "one" | "other" {
  return new Intl.PluralRules(language).select(Number(count ?? 0)) === "one" ? "one" : "other";
}

/** The first language of `wanted` (as browsers list them) that there is; else English. */
export function chooseLanguage(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const code = tag.toLowerCase().split("-")[0] ?? "";
    if (isLanguage(code)) return code;
  }
  return "en";
}

/** Tells whether there are texts in this language. */
export const isLanguage = (code: string | null): code is Language =>
  code !== null && Object.hasOwn(languages, code);
