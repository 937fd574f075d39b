/** Imports point down: view > model > protocol | mls > base, and ts-mls stands behind the floor mls alone. */

import { readdirSync, readFileSync } from "node:fs"
import { join, relative } from "node:path"
import { expect, test } from "vitest"

const SRC = new URL("../src", import.meta.url).pathname
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  view: ["view", "model"],
  model: ["model", "protocol", "mls", "base"],
  protocol: ["protocol", "base"],
  mls: ["mls", "base"],
  base: ["base"],
}
/** What view may name of the floors below model: types alone. */
const TYPES_OF_VIEW = ["protocol", "base"]
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  view: ["preact", "@preact/signals"],
  model: [],
  protocol: [],
  mls: ["ts-mls", "mlkem", "@noble/hashes", "@noble/curves"],
  base: ["@noble/hashes", "@noble/curves"],
}
const IMPORT =
  /(?:^|\n)(?:import|export)\s(type\s)?[^"';]*?from\s*"([^"]+)"|(?:^|\n)import\s*"([^"]+)"|import\(\s*"([^"]+)"/g

interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
  readonly isType: boolean
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name))

const imports: readonly Import[] = files.flatMap((file) =>
  [...readFileSync(join(SRC, file), "utf8").matchAll(IMPORT)].map(([, type, from, plain, lazy]) => ({
    file,
    from: floorOf(file),
    to: targetOf(file, from ?? plain ?? lazy ?? ""),
    isType: type !== undefined,
  })),
)

function floorOf(file: string): string {
  return file.split("/")[0] ?? ""
}

/** A file of ours by its path below src, or a package by its name. */
function targetOf(file: string, name: string): string {
  if (name.startsWith(".")) return relative(SRC, join(SRC, file, "..", name))
  return name
    .split("/")
    .slice(0, name.startsWith("@") ? 2 : 1)
    .join("/")
}

const isOurs = ({ to }: Import): boolean => floorOf(to) in FLOORS

function isAllowed(one: Import): boolean {
  if (!isOurs(one)) return PACKAGES[one.from]?.includes(one.to) ?? false
  const below = FLOORS[one.from] ?? []
  return (
    below.includes(floorOf(one.to)) ||
    (one.from === "view" && one.isType && TYPES_OF_VIEW.includes(floorOf(one.to)))
  )
}

test("every import points down, and each package stands on its floor", () => {
  expect(imports.filter((one) => !isAllowed(one))).toEqual([])
})

test("the check sees imports of every floor and of the packages", () => {
  expect(new Set(imports.filter(isOurs).map((one) => one.from))).toEqual(new Set(Object.keys(FLOORS)))
  for (const name of ["ts-mls", "preact", "@noble/curves"])
    expect(imports.some((one) => one.to === name)).toBe(true)
})

test("no module imports itself by way of others, types aside", () => {
  const next = new Map<string, readonly string[]>(
    files.map((file) => [
      file,
      imports
        .filter((one) => one.file === file && isOurs(one) && !one.isType)
        .map((one) => one.to.split("?")[0] ?? ""),
    ]),
  )
  const reachedFrom = (file: string): ReadonlySet<string> => {
    const reached = new Set<string>()
    for (const waiting = [...(next.get(file) ?? [])]; waiting.length > 0; ) {
      const one = waiting.pop() ?? ""
      if (!reached.has(one)) waiting.push(...(next.get(one) ?? []))
      reached.add(one)
    }
    return reached
  }
  for (const file of files) expect(reachedFrom(file).has(file), file).toBe(false)
})
