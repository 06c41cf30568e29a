// What every component of a page can ask for: texts in the reader's language, times as the reader writes them, dark or light.
import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useLayoutEffect,
  useMemo,
  useState,
} from "react";
import { I18nProvider } from "react-aria-components";
import {
  chooseLanguage,
  isLanguage,
  type Language,
  languages,
  type TextKey,
  type Values,
  write,
} from "../text/index.ts";
import { readPreference, writePreference } from "./preferences.ts";
import { useMediaQuery } from "./use-media-query.ts";

/** Dark, light, or whichever the system shows now. */
export type Theme = "system" | "dark" | "light";

/** The surroundings of a component. */
export interface Surroundings {
  readonly language: Language;
  readonly theme: Theme;
  setLanguage(language: Language): void;
  setTheme(theme: Theme): void;
  /** A text in the reader's language. */
  t(key: TextKey, values?: Values): string;
  /** Hours and minutes (and seconds) of a moment. */
  clock(at: Date, with_seconds?: boolean): string;
  /** Date and time of a moment. */
  moment(at: Date): string;
  /** A length of time in its largest whole unit: "1 day", "90 seconds". */
  duration(seconds: number): string;
  /** A number with one digit after the point, or the comma. */
  decimal(number: number): string;
}

const units_s = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
] as const;

const Context = createContext<Surroundings | null>(null);

/** Gives the surroundings to everything inside. Until the reader chooses, a page looks as the system does. */
export function SurroundingsProvider(props: { readonly children: ReactNode }) {
  const [language, setLanguage] = useState<Language>(() => {
    const remembered = readPreference("language");
    return isLanguage(remembered)
      ? remembered
      : chooseLanguage(navigator.languages ?? [navigator.language ?? ""]);
  });
  const [theme, setTheme] = useState<Theme>(() => {
    const remembered = readPreference("theme");
    return remembered === "dark" || remembered === "light" ? remembered : "system";
  });
  const is_system_light = useMediaQuery("(prefers-color-scheme: light)");
  const shown = theme === "system" ? (is_system_light ? "light" : "dark") : theme;
  useEffect(() => {
    document.documentElement.lang = language;
    document.documentElement.dir = languages[language].direction;
  }, [language]);
  useLayoutEffect(() => {
    document.documentElement.dataset["theme"] = shown;
  }, [shown]);

  const value = useMemo<Surroundings>(() => {
    const short = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
    const long = new Intl.DateTimeFormat(language, { timeStyle: "medium" });
    const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
    const one_digit = new Intl.NumberFormat(language, digits);
    const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
    return {
      language,
      theme,
      setLanguage(chosen) {
        writePreference("language", chosen);
        setLanguage(chosen);
      },
      setTheme(chosen) {
        writePreference("theme", chosen === "system" ? null : chosen);
        setTheme(chosen);
      },
      t: (key, values) => write(language, key, values),
      clock: (at, with_seconds = false) => (with_seconds ? long : short).format(at),
      moment: (at) => full.format(at),
      duration(seconds) {
        const [unit, length] = units_s.find(([, one]) => seconds % one === 0) ?? ["second", 1];
        const style = { style: "unit", unit, unitDisplay: "long" } as const;
        return new Intl.NumberFormat(language, style).format(seconds / length);
      },
      decimal: (number) => one_digit.format(number),
    };
  }, [language, theme]);
  return (
    <I18nProvider locale={language}>
      <Context value={value}>{props.children}</Context>
    </I18nProvider>
  );
}

/** The surroundings of this component. */
export function useSurroundings(): Surroundings {
  const found = useContext(Context);
  if (!found) throw new Error("A component stands outside of SurroundingsProvider");
  return found;
}
