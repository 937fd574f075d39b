/** Into the clipboard, and a word about it. */

import type { App } from "../app/app.ts"
import { words } from "../words/language.ts"

export async function copy(app: App, text: string): Promise<void> {
  const { common } = words.peek()
  try {
    await navigator.clipboard.writeText(text)
    app.notice.value = common.copied
  } catch {
    app.notice.value = common.copyFailed
  }
}
