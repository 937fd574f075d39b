/** A native dialog: the browser keeps the focus in it; afterwards it is where it was. */

import type { ComponentChildren } from "preact"
import { useId, useLayoutEffect, useRef } from "preact/hooks"
import { words } from "../words/language.ts"
import { Icon } from "./icon.tsx"

interface SheetProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
  readonly kind?: "sheet" | "question"
}

export function Sheet({ title, onClose, children, kind = "sheet" }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const heading = useId()
  const close = useRef(onClose)
  close.current = onClose
  useLayoutEffect(() => {
    const shown = dialog.current
    // the browser would give the focus back to it, were the dialog still in the page when it closes
    const before = document.activeElement
    const closeOutside = (event: Event): void => {
      if (event.target === shown) close.current()
    }
    shown?.showModal()
    shown?.addEventListener("click", closeOutside)
    return () => {
      shown?.close()
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true })
    }
  }, [])
  return (
    <dialog
      ref={dialog}
      class={kind}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
    >
      <div class="sheet-body">
        <div class="sheet-head">
          <h2 id={heading}>{title}</h2>
          <button type="button" class="plain" aria-label={words.value.common.close} onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  )
}

interface QuestionProps {
  readonly title: string
  readonly why: string
  readonly act: string
  readonly isGrave?: boolean
  readonly onYes: () => void
  readonly onClose: () => void
  readonly children?: ComponentChildren
}

/** Asked before what cannot be undone. */
export function Question({ title, why, act, isGrave = false, onYes, onClose, children }: QuestionProps) {
  return (
    <Sheet title={title} onClose={onClose} kind="question">
      <p>{why}</p>
      {children}
      <div class="row end">
        <button type="button" class="button" onClick={onClose}>
          {words.value.common.cancel}
        </button>
        <button type="button" class={isGrave ? "button grave" : "button first"} onClick={onYes}>
          {act}
        </button>
      </div>
    </Sheet>
  )
}
