/**
 * QR codes, against squares that another encoder makes of the same text, module by module, and that a camera library's
 * decoder reads. When this was written both were asked about texts of 1 to 403 bytes, all versions.
 */

import { createHash } from "node:crypto"
import { expect, test } from "vitest"
import { encodeQr, type Modules } from "../../src/view/qr.ts"

const linkOf = (size: number): string => `https://h/i#${"qW3".repeat(200)}`.slice(0, size)

/** Bytes, modules a side, and the first 16 digits of SHA-256 over the modules as 0 and 1, row by row. */
const SQUARES: readonly (readonly [text: string, side: number, digest: string])[] = [
  [linkOf(52), 33, "beafac1ea0e1d2f9"],
  [linkOf(91), 41, "98af4d2ed39e9b87"],
  [linkOf(169), 53, "e6e200a8325fc2cc"],
  ["z".repeat(200), 57, "2d12ffbc18c105d6"],
  [linkOf(221), 61, "337ebd55de5ed83d"],
  [linkOf(260), 65, "0f6c65c3c908343d"],
  [linkOf(299), 69, "e4dda8a0a8579a42"],
  [linkOf(338), 73, "47d2fc3005235c7c"],
  ["x".repeat(412), 77, "18dc007515645131"],
]

const digestOf = (modules: Modules): string =>
  createHash("sha256")
    .update(modules.map((row) => row.map(Number).join("")).join(""))
    .digest("hex")
    .slice(0, 16)

test.each(SQUARES)("%s", (text, side, digest) => {
  const modules = encodeQr(text)
  expect(modules.length).toBe(side)
  expect(modules.every((row) => row.length === side)).toBe(true)
  expect(digestOf(modules)).toBe(digest)
})

test("the smallest, drawn out", () => {
  const drawn = encodeQr("A").map((row) => row.map((isDark) => (isDark ? "#" : ".")).join(""))
  expect(drawn).toEqual([
    "#######.#..#..#######",
    "#.....#.#####.#.....#",
    "#.###.#...#.#.#.###.#",
    "#.###.#.##.##.#.###.#",
    "#.###.#..###..#.###.#",
    "#.....#..#.##.#.....#",
    "#######.#.#.#.#######",
    "........##.##........",
    "#.##.###..###.#..#.##",
    ".#.##..#.#.####..#...",
    "##..###.##.#.....##.#",
    "#.##.#.....#..#####..",
    "#..####..#..#..#..#..",
    "........#.##..#..#..#",
    "#######.#..##..#.#...",
    "#.....#.##.....##.##.",
    "#.###.#..##.#####...#",
    "#.###.#.####..######.",
    "#.###.#.#.#.#.##.....",
    "#.....#...#..#.#..#.#",
    "#######.#....#..#....",
  ])
})

test("what is too long is refused", () => {
  expect(() => encodeQr("x".repeat(413))).toThrow(RangeError)
})
