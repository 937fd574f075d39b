/** How a language says numbers, times, lists and names: Intl, and nothing of our own. */

export type Plural = Intl.LDMLPluralRule

/** A direction mark's pair: what stands between them keeps its own direction and turns nothing around it. */
const ISOLATE = "\u2068"
const ISOLATE_END = "\u2069"
const DAY_S = 24 * 3600
const UNITS = [
  ["day", DAY_S],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
] as const

const BYTES = [
  [1e6, "megabyte"],
  [1e3, "kilobyte"],
] as const

export interface Say {
  readonly locale: string
  readonly direction: "ltr" | "rtl"
  number(value: number): string
  /** The form for a count, with # replaced by it. */
  plural(count: number, forms: Partial<Record<Plural, string>> & { readonly other: string }): string
  list(of: readonly string[]): string
  /** A name, or anything else that somebody wrote, within a sentence. */
  name(text: string): string
  /** Of a file, in bytes. */
  size(bytes: number): string
  /** From 0 to 1. */
  percent(part: number): string
  clock(timeS: number): string
  /** A day with its weekday; today and yesterday by these words. */
  day(timeS: number, nowS: number): string
  /** Date and time. */
  moment(timeS: number): string
  /** A length of time in its two largest units. */
  duration(seconds: number): string
}

export function sayIn(locale: string, direction: "ltr" | "rtl"): Say {
  const rules = new Intl.PluralRules(locale)
  const numbers = new Intl.NumberFormat(locale)
  const lists = new Intl.ListFormat(locale, { type: "conjunction" })
  const clock = dateFormat(locale, { hour: "2-digit", minute: "2-digit" })
  const days = dateFormat(locale, { weekday: "long", day: "numeric", month: "long" })
  const moments = dateFormat(locale, { dateStyle: "medium", timeStyle: "short" })
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" })
  const number = (value: number): string => numbers.format(value)
  return {
    locale,
    direction,
    number,
    plural: (count, forms) =>
      (forms[rules.select(count)] ?? forms.other).replaceAll("#", () => number(count)),
    list: (of) => lists.format(of),
    name: (text) => `${ISOLATE}${text}${ISOLATE_END}`,
    size: (bytes) => {
      const [size, unit] = BYTES.find(([least]) => bytes >= least) ?? [1, "byte"]
      return inUnit(locale, bytes / size, unit)
    },
    percent: (part) =>
      new Intl.NumberFormat(locale, { style: "percent" }).format(Math.floor(part * 100) / 100),
    clock: (timeS) => clock.format(timeS * 1000),
    day: (timeS, nowS) => {
      const ago = daysBetween(timeS, nowS)
      return ago === 0 || ago === 1
        ? upperFirst(relative.format(-ago, "day"), locale)
        : days.format(timeS * 1000)
    },
    moment: (timeS) => moments.format(timeS * 1000),
    duration: (seconds) => lists.format(partsOf(seconds).map(([count, unit]) => inUnit(locale, count, unit))),
  }
}

/** Everybody's calendar is the one that invitations are printed in: no locale's own. */
const dateFormat = (locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat(locale, { calendar: "gregory", ...options })

const inUnit = (locale: string, count: number, unit: string): string =>
  new Intl.NumberFormat(locale, {
    style: "unit",
    unit,
    unitDisplay: "long",
    maximumFractionDigits: 1,
  }).format(count)

export function partsOf(seconds: number): readonly (readonly [number, (typeof UNITS)[number][0]])[] {
  const parts = UNITS.map(([unit, size], at) => {
    const larger = UNITS[at - 1]?.[1]
    const rest = larger === undefined ? seconds : seconds % larger
    return [Math.floor(rest / size), unit] as const
  }).filter(([count]) => count > 0)
  return parts.length === 0 ? [[0, "second"]] : parts.slice(0, 2)
}

/** By the calendar of this device's zone. */
export function daysBetween(timeS: number, laterS: number): number {
  const midnight = (of: number): number => new Date(of * 1000).setHours(0, 0, 0, 0)
  return Math.round((midnight(laterS) - midnight(timeS)) / (DAY_S * 1000))
}

const upperFirst = (text: string, locale: string): string =>
  text.charAt(0).toLocaleUpperCase(locale) + text.slice(1)

/** A language as the person's region has it: "ar-MA" for "ar", where the browser asks for that. */
export function regional(language: string, wanted: readonly string[]): string {
  return wanted.find((one) => one === language || one.startsWith(`${language}-`)) ?? language
}
