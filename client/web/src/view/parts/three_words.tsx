/** The three words, large and the same in every language. */

import { words } from "../words/language.ts"
import { spoken } from "../words/three.ts"

export function ThreeWords({ numbers }: { readonly numbers: readonly [number, number, number] }) {
  return (
    <ol class="three-words" lang="zxx" dir="ltr" aria-label={words.value.knock.words}>
      {spoken(numbers).map((word, at) => (
        // the same word may come twice
        <li key={at}>{word}</li>
      ))}
    </ol>
  )
}
