/** A link as a picture for a phone's camera: dark on light in every theme, or cameras do not see it. */

import { useMemo } from "preact/hooks"
import { encodeQr } from "../qr.ts"

/** Cameras want so many light modules around it. */
const QUIET = 4

export function QrCode({ text, label }: { readonly text: string; readonly label: string }) {
  const modules = useMemo(() => encodeQr(text), [text])
  const side = modules.length + 2 * QUIET
  const path = modules
    .flatMap((row, down) =>
      row.map((isDark, across) => (isDark ? `M${across + QUIET} ${down + QUIET}h1v1h-1z` : "")),
    )
    .join("")
  return (
    <svg
      class="qr"
      viewBox={`0 0 ${side} ${side}`}
      role="img"
      aria-label={label}
      shape-rendering="crispEdges"
    >
      <rect width={side} height={side} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}
