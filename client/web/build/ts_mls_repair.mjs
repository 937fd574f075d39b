// Mends ts-mls 1.6.4 as a text transform on its dist/src/clientState.js, so that none of its code is copied here.
// The web client is built with it, and the tests' oracle loads it: `repairClientState` throws unless each fragment matches
// exactly once, so that a new version of ts-mls cannot slip through half mended.
//
// RFC 9420, sections 7.9.2 and 12.4.3.1: each entry of a parent's unmerged_leaves must be a non-blank leaf *and* a
// descendant of that parent, and every non-blank node between that leaf and the parent must list the leaf too.
// As published, 1.6.4 wants whole lists to be equal, right up to the root, and so refuses trees that ordinary rooms
// produce; and it accepts an entry that satisfies either half of the first condition.

export const TS_MLS_VERSION = "1.6.4"
export const REPAIRED_FILE = "/ts-mls/dist/src/clientState.js"

const REPAIRS = [
  {
    published: "!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)",
    mended: "dp.indexOf(parentIdx) < dp.indexOf(i) && !dpNode.parent.unmergedLeaves.includes(unmergedLeaf)",
  },
  {
    published: '!== "leaf" && !dp.includes(',
    mended: '!== "leaf" || !dp.includes(',
  },
]

/**
 * The mended text of ts-mls 1.6.4's clientState.js; throws where a fragment is missing or ambiguous.
 *
 * @param {string} source
 * @returns {string}
 */
export function repairClientState(source) {
  return REPAIRS.reduce((text, { published, mended }) => {
    const parts = text.split(published)
    if (parts.length !== 2) {
      throw new Error(
        `ts-mls ${TS_MLS_VERSION} repair: expected exactly one match of ${JSON.stringify(published)}, ` +
          `found ${parts.length - 1}. Is this still ts-mls ${TS_MLS_VERSION}?`,
      )
    }
    return parts.join(mended)
  }, source)
}
