/** The language, on every screen. */

import { useApp } from "../app/app.ts"
import { choose, LANGUAGES, type Language, language, words } from "../words/language.ts"

export function LanguageSwitch() {
  const { lobby, attempt } = useApp()
  return (
    <select
      class="language"
      aria-label={words.value.common.language}
      value={language.value}
      onChange={({ currentTarget }) => {
        const wanted = currentTarget.value as Language
        attempt(() => choose(wanted, lobby.value?.isLasting === true))
      }}
    >
      {Object.entries(LANGUAGES).map(([code, called]) => (
        <option key={code} value={code} lang={code}>
          {called}
        </option>
      ))}
    </select>
  )
}
