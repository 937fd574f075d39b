/** Which language the page speaks: the browser's, until the person chooses. */

import { type Signal, signal } from "@preact/signals"
import { prefer, preference } from "../app/preferences.ts"
import { type Catalogue, english } from "./en.ts"

export const LANGUAGES = { en: "English", ar: "العربية" } as const
export type Language = keyof typeof LANGUAGES

const LOADERS: Readonly<Record<Language, () => Promise<Catalogue>>> = {
  en: async () => english,
  ar: async () => (await import("./ar.ts")).arabic,
}

/** What the page says; everything that is shown reads it from here. */
export const words: Signal<Catalogue> = signal(english)
export const language: Signal<Language> = signal("en")

const isLanguage = (text: string | null | undefined): text is Language =>
  typeof text === "string" && Object.hasOwn(LANGUAGES, text)

/** The first of the browser's languages that there is, unless one was chosen before. */
export function languageFor(wanted: readonly string[], chosen: string | null): Language {
  if (isLanguage(chosen)) return chosen
  return wanted.map((one) => one.toLowerCase().split("-")[0]).find(isLanguage) ?? "en"
}

/** At the page's beginning. */
export async function speakFirst(): Promise<void> {
  await speak(languageFor(navigator.languages, preference("language")))
}

/** The page in that language, from now on; `isLasting`: also when the person comes back. */
export async function choose(wanted: Language, isLasting: boolean): Promise<void> {
  await speak(wanted)
  prefer("language", wanted, isLasting)
}

async function speak(wanted: Language): Promise<void> {
  const catalogue = await LOADERS[wanted]()
  words.value = catalogue
  language.value = wanted
  document.documentElement.lang = wanted
  document.documentElement.dir = catalogue.say.direction
}
