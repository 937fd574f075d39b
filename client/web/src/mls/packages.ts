/** KeyPackages of others, before anybody adds them (RFC 9420, section 10.1). */

import { makeKeyPackageRef, verifyKeyPackage } from "ts-mls/keyPackage.js"
import { verifyLeafNodeSignatureKeyPackage } from "ts-mls/leafNode.js"
import { owned } from "../base/bytes.ts"
import { refuse } from "./errors.ts"
import type { JudgeIdentity, VerifiedPackage } from "./mls.ts"
import { checkKeyPackage } from "./rules.ts"
import { primitivesOf, type Suite, suiteOf } from "./suites.ts"
import { parseKeyPackage } from "./wire.ts"

/** The suite of a KeyPackage; undefined where rooms have none such. */
export const suiteOfPackage = (message: Uint8Array): Suite | undefined =>
  suiteOf(parseKeyPackage(message).cipherSuite)

/** A KeyPackage that may come into a group of its suite. */
export async function verifyPackage(
  message: Uint8Array,
  nowS: number,
  judge: JudgeIdentity,
): Promise<VerifiedPackage> {
  const keyPackage = parseKeyPackage(message)
  const { cipherSuite, leafNode } = keyPackage
  const { credential, signaturePublicKey } = leafNode
  const suite = suiteOf(cipherSuite) ?? refuse("rooms have no such suite")
  checkKeyPackage(keyPackage, suite, nowS)
  const { hash, signature } = await primitivesOf(suite)
  const isSigned =
    (await verifyLeafNodeSignatureKeyPackage(leafNode, signature)) &&
    (await verifyKeyPackage(keyPackage, signature))
  if (!isSigned) refuse("a signature is not its owner's")
  if (credential.credentialType !== "basic" || !judge(owned(credential.identity)))
    return refuse("the credential is not a seat's")
  return {
    identity: owned(credential.identity),
    signatureKey: owned(signaturePublicKey),
    reference: owned(await makeKeyPackageRef(keyPackage, hash)),
  }
}
