/** A screen of one column: a head with the language, and what it is about. */

import type { ComponentChildren } from "preact"
import { useApp } from "../app/app.ts"
import { words } from "../words/language.ts"
import { Icon } from "./icon.tsx"
import { LanguageSwitch } from "./language_switch.tsx"

interface FrameProps {
  readonly title: string
  readonly children: ComponentChildren
  readonly hasBack?: boolean
}

export function Frame({ title, children, hasBack = false }: FrameProps) {
  const { navigation } = useApp()
  const { common } = words.value
  return (
    <div class="frame">
      <header class="frame-head">
        {hasBack && (
          <button type="button" class="plain" aria-label={common.back} onClick={() => navigation.back()}>
            <Icon name="back" />
          </button>
        )}
        <span class="mark">
          <Mark />
          {common.product}
        </span>
        <LanguageSwitch />
      </header>
      <main id="content" tabIndex={-1}>
        <h1>{title}</h1>
        {children}
      </main>
    </div>
  )
}

/** The icon's picture: two ways that go past each other, and meet. */
function Mark() {
  return (
    <svg class="mark-picture" viewBox="6 9 20 14" aria-hidden="true">
      <path d="M8 11h12a4 4 0 0 1 0 8h-1m5 2H12a4 4 0 0 1 0-8" />
    </svg>
  )
}
