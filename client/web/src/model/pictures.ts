/** Pictures are made clean before they are sent: where and when one was taken can endanger people. */

import type { Bytes } from "../base/bytes.ts"
import type { FileWish } from "./contract.ts"
import { NotAllowed } from "./errors.ts"
import { isPictureType, pictureIn } from "./files.ts"
import { stripped } from "./stripping.ts"

interface File {
  readonly bytes: Bytes
  readonly type: string
}

const QUALITY = 0.92
/** What moves is not drawn anew: it would stand still. */
const MOVES = /ANIM|acTL/
const HEAD_BYTES = 256

/**
 * A file as it may be sent: a picture without what it tells beside what is seen, another file as it is. Throws
 * `picture-unclean` for a picture that cannot be read.
 */
export async function cleaned({ content, type }: FileWish): Promise<File> {
  const bytes = new Uint8Array(await content.arrayBuffer())
  const picture = pictureIn(bytes)
  if (picture !== undefined) return cleanPicture(bytes, picture)
  if (isPictureType(type)) throw new NotAllowed("picture-unclean")
  // a phone's own kind of photo, where the browser knows it
  const isOther = type.startsWith("image/") && !type.includes("svg")
  return (isOther && (await redrawn(bytes, type, "image/jpeg"))) || { bytes, type }
}

async function cleanPicture(bytes: Bytes, type: string): Promise<File> {
  const doesMove = type === "image/gif" || MOVES.test(String.fromCharCode(...bytes.subarray(0, HEAD_BYTES)))
  const anew = doesMove ? undefined : await redrawn(bytes, type, type)
  if (anew !== undefined) return anew
  const rest = stripped(bytes, type)
  if (rest === undefined) throw new NotAllowed("picture-unclean")
  return { bytes: rest, type }
}

/** The same picture, upright and drawn anew; undefined where this browser cannot, or does not let canvases be read. */
async function redrawn(bytes: Bytes, type: string, wanted: string): Promise<File | undefined> {
  if (!("OffscreenCanvas" in globalThis) || !isReadable()) return undefined
  try {
    const bitmap = await createImageBitmap(new Blob([bytes], { type }))
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height)
    canvas.getContext("2d")?.drawImage(bitmap, 0, 0)
    bitmap.close()
    const drawn = await canvas.convertToBlob({ type: wanted, quality: QUALITY })
    return { bytes: new Uint8Array(await drawn.arrayBuffer()), type: drawn.type }
  } catch {
    return undefined
  }
}

/** Browsers that hide who one is (Tor's) give noise in the place of what was drawn. */
function isReadable(): boolean {
  const probe = new OffscreenCanvas(4, 4).getContext("2d")
  if (probe === null) return false
  probe.fillStyle = "rgb(12, 200, 99)"
  probe.fillRect(0, 0, 4, 4)
  const { data } = probe.getImageData(0, 0, 4, 4)
  return data.every((value, at) => value === [12, 200, 99, 255][at % 4])
}
