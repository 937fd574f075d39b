// Mends ts-mls 1.6.4 as text transforms on files of its dist/src, so that none of its code is copied here. The web client
// is built with it, and the tests' oracle loads it: `repair` throws unless each fragment matches as often as it should, so
// that a new version of ts-mls cannot slip through half mended. tests/interop/test_repair.py shows each fault and its end.

export const TS_MLS_VERSION = "1.6.4"

/**
 * The commit secret comes from the last path secret of the *filtered* direct path (RFC 9420, sections 7.4 and 7.5). Where
 * the committer's half of the tree is the only one with members, the root is blank; as published, 1.6.4 derives on to the
 * root all the same, and no other implementation agrees on the epoch. Below its end a path has no blank node: the secret of
 * one that has, in a Welcome, is refused.
 */
const TOP_OF_PATH = `
/** The topmost node above \`nodeIndex\`, itself included, that is not blank: where its path ends. */
export function topOfPath(tree, nodeIndex) {
    const width = leafWidth(tree.length);
    let top = nodeIndex;
    for (let at = nodeIndex; at !== root(width); at = parent(at, width)) {
        const above = parent(at, width);
        if (tree[above] !== undefined) top = above;
        else if (resolution(tree, sibling(at, width)).length > 0) throw new InternalError("a path with a blank node");
    }
    return top;
}
`

/** A message's key, and its nonce behind it: all that is kept of a generation that was passed over (section 9.2). */
const KEY_AND_NONCE = `
async function keyAndNonce(secret, generation, cs) {
    const [key, nonce] = await Promise.all([deriveKey(secret, generation, cs), deriveNonce(secret, generation, cs)]);
    const both = new Uint8Array(key.length + nonce.length);
    both.set(key);
    both.set(nonce, key.length);
    return both;
}
`

/**
 * By file: fragments as published, how often each stands there, and what takes its place.
 *
 * @type {Record<string, readonly {published: string, mended: string, times?: number}[]>}
 */
const REPAIRS = {
  // Sections 7.9.2 and 12.4.3.1: each entry of a parent's unmerged_leaves must be a non-blank leaf *and* a descendant of
  // that parent, and every non-blank node between that leaf and the parent must list the leaf too. As published, whole
  // lists have to be equal, right up to the root, which refuses trees that ordinary rooms produce; and an entry is taken
  // that satisfies either half of the first condition.
  "clientState.js": [
    {
      published: "!arraysEqual(dpNode.parent.unmergedLeaves, n.parent.unmergedLeaves)",
      mended: "dp.indexOf(parentIdx) < dp.indexOf(i) && !dpNode.parent.unmergedLeaves.includes(unmergedLeaf)",
    },
    { published: '!== "leaf" && !dp.includes(', mended: '!== "leaf" || !dp.includes(' },
    // see privateKeyPath.js
    { published: "cs.kdf), newLeaf, cs)", mended: "cs.kdf), newLeaf, cs, tree)" },
    // Section 12.4.3.3: the tree beside a Welcome. As published one inside goes before it, which nobody has checked.
    {
      published: "ratchetTreeFromExtension(gi) ?? ratchetTree",
      mended: "ratchetTree ?? ratchetTreeFromExtension(gi)",
    },
    // As published the first of two wrong KeyPackages is a rejection that nobody handles, once the second is refused too.
    {
      published: "throwIfDefined(await validateKeyPackage(",
      mended: "const [tree, ws] = await acc;\n        throwIfDefined(await validateKeyPackage(",
    },
    { published: "s));\n        const [tree, ws] = await acc;", mended: "s));" },
    // Section 12.3: whom a commit removes is removed, even where it gives the leaf to somebody else.
    {
      published: "mutatedTree[leafToNodeIndex(toLeafIndex(state.privatePath.leafIndex))] === undefined",
      mended:
        "grouped.remove.some(({ proposal }) => proposal.remove.removed === state.privatePath.leafIndex)",
    },
  ],
  // Section 7.5: whoever gets a path secret, in a commit or a Welcome, compares the public keys that it gives with those of
  // the tree. As published nobody does, and a committer can put keys there that it alone has the private keys of.
  "privateKeyPath.js": [
    {
      published: 'import { deriveSecret } from "./crypto/kdf.js";',
      mended: `import { deriveSecret } from "./crypto/kdf.js";
import { ValidationError } from "./mlsError.js";
import { constantTimeEqual } from "./util/constantTimeCompare.js";`,
    },
    {
      published: "toPrivateKeyPath(pathSecrets, leafIndex, cs) {",
      mended: "toPrivateKeyPath(pathSecrets, leafIndex, cs, tree) {",
    },
    {
      published: "const { privateKey } = await cs.hpke.deriveKeyPair(nodeSecret);",
      mended: `const { privateKey, publicKey } = await cs.hpke.deriveKeyPair(nodeSecret);
        const derived = await cs.hpke.exportPublicKey(publicKey);
        if (tree !== undefined && !constantTimeEqual(derived, tree[nodeIndex]?.parent?.hpkePublicKey ?? []))
            throw new ValidationError("a key of the path is not that of its secret");`,
    },
  ],
  // Section 7.9.2: of the child's resolution nothing may be left but the node that chains and the parent's unmerged leaves.
  // As published other nodes may stand there, whose members the parent's key was not made for.
  "parentHash.js": [
    {
      published: "{ findFirstNonBlankAncestor, removeLeaves }",
      mended: "{ findFirstNonBlankAncestor, removeLeaves, resolution }",
    },
    {
      published: "expectedParentHash !== undefined && constantTimeEqual(parentHash, expectedParentHash)",
      mended:
        "isAlone(tree, currentIndex, parentHashNodeIndex) && expectedParentHash !== undefined && constantTimeEqual(parentHash, expectedParentHash)",
    },
    {
      published: "function getParentHash(node) {",
      mended: `function isAlone(tree, index, above) {
    const others = tree[above]?.parent?.unmergedLeaves ?? [];
    const below = resolution(tree, index < above ? left(above) : right(above));
    return below.every((one) => (one === index) !== others.includes(one / 2));
}
function getParentHash(node) {`,
    },
  ],
  "pathSecrets.js": [
    {
      published: "{ findFirstNonBlankAncestor }",
      mended: "{ findFirstNonBlankAncestor, resolution }",
    },
    { published: "{ root, leafWidth }", mended: "{ root, leafWidth, parent, sibling }" },
    {
      published: "const rootIndex = root(leafWidth(tree.length));",
      times: 2,
      mended: "const rootIndex = topOfPath(tree, nodeIndex);",
    },
    {
      published: "export async function getCommitSecret(",
      mended: `${TOP_OF_PATH}export async function getCommitSecret(`,
    },
  ],
  "processMessages.js": [
    {
      published: 'import { pathToRoot } from "./pathSecrets.js";',
      mended: 'import { pathToRoot, topOfPath } from "./pathSecrets.js";',
    },
    {
      published: "const rootIndex = root(leafWidth(tree.length));",
      mended: "const rootIndex = topOfPath(tree, secret.nodeIndex);",
    },
    {
      published: "toPrivateKeyPath(pathSecrets, state.privatePath.leafIndex, cs)",
      mended: "toPrivateKeyPath(pathSecrets, state.privatePath.leafIndex, cs, tree)",
    },
    // Section 7.3: keys differ among the members of the new tree (mls/rules.ts looks there). As published they must already
    // where the committer still has its old ones.
    {
      published:
        "throwIfDefined(await validateLeafNodeCredentialAndKeyUniqueness(result.tree, " +
        "content.content.commit.path.leafNode, committerLeafIndex));",
      mended: "",
    },
    // Section 12.4.2: who is removed checks of the path what it can. As published nothing.
    {
      published: "ratchetTree: result.tree,",
      mended:
        "ratchetTree: await applyUpdatePath(result.tree, senderLeafIndex, content.content.commit.path, cs.hash),",
    },
  ],
  // Section 2.1.2: a length has its shortest form. What has not is read as published, and its signature verified over a
  // form in which it never came. And a list is encoded by one closure around another for each of its items, as published:
  // a long one overflows the stack.
  "codec/variableLength.js": [
    {
      published: "export function determineLength(data, offset = 0) {",
      mended: `export function determineLength(data, offset = 0) {
    const found = anyLength(data, offset);
    if (found.lengthFieldSize !== lengthEncoder(found.length)[0])
        throw new CodecError("a length is not written in its shortest form");
    return found;
}
function anyLength(data, offset) {`,
    },
    { published: "let totalLength = 0;", mended: "let totalLength = 0;\n        const writes = [];" },
    { published: "const oldFunc = writeTotal;", mended: "writes.push([totalLength, write]);" },
    {
      published: "oldFunc(offset, buffer);",
      mended: "for (const [at, writeOne] of writes) writeOne(offset + at, buffer);",
    },
    { published: "write(offset + currentLen, buffer);", mended: "" },
  ],
  // Section 2.1.1: an optional value is marked with 0 or 1. As published all but 1 is 0, even no mark at all.
  "codec/optional.js": [
    {
      published: "return [undefined, 1];",
      mended: "return presenceOctet === 0 ? [undefined, 1] : undefined;",
    },
  ],
  // Section 6.3.2: sender data are twelve bytes. As published more are read.
  "privateMessage.js": [
    {
      published: "return decodeSenderData(decrypted, 0)?.[0];",
      mended: "return decrypted.length === 12 ? decodeSenderData(decrypted, 0)?.[0] : undefined;",
    },
  ],
  // Section 2.1: what a Welcome encrypts ends where it ends. As published more may follow.
  "welcome.js": [
    {
      published: "return decoded?.[0];",
      mended: "return decoded?.[1] === decrypted.length ? decoded[0] : undefined;",
    },
    {
      published: "return decodeGroupSecrets(decrypted, 0)?.[0];",
      mended: `const decoded = decodeGroupSecrets(decrypted, 0);
    return decoded?.[1] === decrypted.length ? decoded[0] : undefined;`,
    },
  ],
  // Section 7.2: a client may list protocol versions that others do not know. As published its leaf cannot be read; here
  // such a version stays a number.
  "capabilities.js": [
    {
      published: 'import { mapDecoders } from "./codec/tlsDecoder.js";',
      mended: 'import { mapDecoders, orDecoder } from "./codec/tlsDecoder.js";',
    },
    {
      published: "varLenTypeEncoder(protocolVersionEncoder),",
      mended: `varLenTypeEncoder((one) => typeof one === "number" ? uint16Encoder(one) : protocolVersionEncoder(one)),`,
    },
    {
      published: "decodeVarLenType(decodeProtocolVersion),",
      mended: "decodeVarLenType(orDecoder(decodeProtocolVersion, decodeUint16)),",
    },
  ],
  // Section 9.2. As published the ratchet secret of each generation that was passed over stays, from which all later keys
  // of that sender can be derived again; here its key and nonce stay, and `secret` is them from createRatchetResult on.
  // And as published each single step copies the table of them, and sorts it once it is full; here one table is filled.
  "secretTree.js": [
    {
      published: "export async function ratchetUntil(current, desiredGen, config, kdf) {",
      mended: `${KEY_AND_NONCE}export async function ratchetUntil(current, desiredGen, config, cs) {
    const table = { ...current.unusedGenerations };`,
    },
    { published: "result.generation, kdf.size, kdf);", mended: "result.generation, cs.kdf.size, cs.kdf);" },
    {
      published: "const [updated, old] = updateUnusedGenerations(result, config.retainKeysForGenerations);",
      mended: "table[result.generation] = await keyAndNonce(result.secret, result.generation, cs);",
    },
    { published: "consumed.push(...old);", mended: "consumed.push(result.secret);" },
    { published: "unusedGenerations: updated,", mended: "unusedGenerations: table," },
    {
      published: "return [result, consumed];",
      mended: `const [kept, old] = removeOldGenerations(table, config.retainKeysForGenerations);
    return [{ ...result, unusedGenerations: kept }, [...consumed, ...old]];`,
    },
    { published: "senderData.generation, config, cs.kdf);", mended: "senderData.generation, config, cs);" },
    {
      published: "currentSecret.secret, currentSecret.generation, reuseGuard, tree, contentType, consumed,",
      mended:
        "await keyAndNonce(currentSecret.secret, currentSecret.generation, cs), currentSecret.generation, reuseGuard, " +
        "tree, contentType, [...consumed, currentSecret.secret],",
    },
    {
      published: "const key = await deriveKey(secret, generation, cs);",
      mended: "const key = secret.slice(0, cs.hpke.keyLength);",
    },
    {
      published: "const nonce = await deriveNonce(secret, generation, cs);",
      mended: "const nonce = secret.slice(cs.hpke.keyLength);",
    },
  ],
  // Section 7.4: a path secret has the size of the hash. As published it may have any that the KDF takes.
  //
  // And who is left alone by its own commit has a path of no nodes, and a commit secret that nobody else can
  // compute. As published it is all zeros, so that whoever was just removed can compute the next epoch's secrets.
  "createCommit.js": [
    {
      published: "? new Uint8Array(cipherSuite.kdf.size)",
      mended:
        "? (updatePath !== undefined ? cipherSuite.rng.randomBytes(cipherSuite.kdf.size) : new Uint8Array(cipherSuite.kdf.size))",
    },
    {
      published: "return { nodeIndex: ancestorNodeIndex, pathSecret };",
      mended: `if (pathSecret.length !== cs.kdf.size) throw new ValidationError("a path secret has another size");
            return { nodeIndex: ancestorNodeIndex, pathSecret };`,
    },
  ],
}

const FOLDER = "/ts-mls/dist/src/"
export const REPAIRED_FILES = Object.keys(REPAIRS).map((name) => FOLDER + name)

/**
 * The mended text of one of the REPAIRED_FILES, undefined of any other; throws where a fragment is missing or ambiguous.
 *
 * @param {string} path
 * @param {string} source
 * @returns {string | undefined}
 */
export function repair(path, source) {
  const name = Object.keys(REPAIRS).find((each) => path.endsWith(FOLDER + each))
  return name === undefined ? undefined : REPAIRS[name]?.reduce(replaced, source)
}

/**
 * @param {string} text
 * @param {{published: string, mended: string, times?: number}} repair
 */
function replaced(text, { published, mended, times = 1 }) {
  const parts = text.split(published)
  if (parts.length !== times + 1) {
    throw new Error(
      `ts-mls ${TS_MLS_VERSION} repair: expected exactly ${times} of ${JSON.stringify(published)}, ` +
        `found ${parts.length - 1}. Is this still ts-mls ${TS_MLS_VERSION}?`,
    )
  }
  return parts.join(mended)
}
