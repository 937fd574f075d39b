/** What stands above every screen for a moment: a new version, what failed, what was done. */

import { useEffect } from "preact/hooks"
import { useApp } from "../app/app.ts"
import type { Offline } from "../app/offline.ts"
import { sentenceOf } from "../app/reason.ts"
import { words } from "../words/language.ts"
import { Icon } from "./icon.tsx"

const NOTICE_MS = 4000

export function Notices({ offline }: { readonly offline: Offline }) {
  const { problem, notice } = useApp()
  const { common } = words.value
  useEffect(() => {
    if (notice.value === "") return undefined
    const timer = setTimeout(() => {
      notice.value = ""
    }, NOTICE_MS)
    return () => clearTimeout(timer)
  }, [notice.value])
  return (
    <div class="notices">
      {offline.hasNewVersion && (
        <p class="notice" role="status">
          {common.newVersion}{" "}
          <button type="button" class="button small" onClick={offline.use}>
            {common.useNewVersion}
          </button>
        </p>
      )}
      <div role="alert">
        {problem.value !== undefined && (
          <p class="notice failed">
            <Icon name="alarm" />
            <span>{sentenceOf(problem.value, words.value)}</span>
            <button
              type="button"
              class="plain"
              aria-label={common.close}
              onClick={() => {
                problem.value = undefined
              }}
            >
              <Icon name="close" />
            </button>
          </p>
        )}
      </div>
      <div role="status">{notice.value !== "" && <p class="notice">{notice.value}</p>}</div>
    </div>
  )
}
