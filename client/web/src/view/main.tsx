/** The page's beginning. */

import { signal } from "@preact/signals"
import { render } from "preact"
import type { Abilities } from "../model/abilities.ts"
import { startEngine } from "../model/remote.ts"
import { Start } from "./start.tsx"

const abilities = signal<Abilities | "unknown" | "failed">("unknown")

startEngine()
  .findAbilities()
  .then(
    (found) => {
      abilities.value = found
    },
    () => {
      abilities.value = "failed"
    },
  )

const root = document.getElementById("app")
if (root !== null) render(<Start abilities={abilities} />, root)
