// sigstore-js 5 has a library that speaks Rekor v2 and a command line that does not: this is the library's part.
//
//   sigstore_js.mjs sign   {"kind", "file", "bundle", "signingConfig", "issuer", "token"?, "payloadType"?}
//   sigstore_js.mjs verify {"bundle", "file"?, "email"?|"uri"?, "issuer", "trustedRoot"}
//   sigstore_js.mjs verify {"bundle", "file"?, "email"?|"uri"?, "issuer", "mirror", "root", "cache"}
import { readFileSync, writeFileSync } from 'node:fs'
import { bundleFromJSON, bundleToJSON } from '@sigstore/bundle'
import { OAuthIdentityProvider } from '@sigstore/cli/dist/oauth/index.js'
import { SigningConfig, TrustedRoot } from '@sigstore/protobuf-specs'
import { bundleBuilderFromSigningConfig } from '@sigstore/sign'
import { Verifier, toSignedEntity, toTrustMaterial } from '@sigstore/verify'
import { verify as verifyByTuf } from 'sigstore'

const json = (file) => JSON.parse(readFileSync(file))

async function sign (job) {
  // Without a token the person logs in, as at this client's own command line.
  const identityProvider = job.token
    ? { getToken: async () => job.token }
    : new OAuthIdentityProvider({ issuer: job.issuer, clientID: 'sigstore' })
  const builder = bundleBuilderFromSigningConfig({
    signingConfig: SigningConfig.fromJSON(json(job.signingConfig)),
    identityProvider,
    bundleType: job.kind
  })
  const bundle = await builder.create({ data: readFileSync(job.file), type: job.payloadType })
  writeFileSync(job.bundle, JSON.stringify(bundleToJSON(bundle)))
}

async function verify (job) {
  const data = job.file && readFileSync(job.file)
  if (job.mirror) {
    const options = {
      tufMirrorURL: job.mirror,
      tufRootPath: job.root,
      tufCachePath: job.cache,
      certificateIssuer: job.issuer,
      certificateIdentityEmail: job.email,
      certificateIdentityURI: job.uri
    }
    return data ? verifyByTuf(json(job.bundle), data, options) : verifyByTuf(json(job.bundle), options)
  }
  const entity = toSignedEntity(bundleFromJSON(json(job.bundle)), data)
  const verifier = new Verifier(toTrustMaterial(TrustedRoot.fromJSON(json(job.trustedRoot))))
  const signer = verifier.verify(entity, {
    subjectAlternativeName: job.email ?? job.uri,
    extensions: { issuer: job.issuer }
  })
  return signer
}

const [operation, job] = process.argv.slice(2)
try {
  await { sign, verify }[operation](JSON.parse(job))
} catch (error) {
  for (let cause = error; cause; cause = cause.cause) console.error(`${cause.code ?? cause.name ?? ''} ${cause.message ?? cause}`)
  process.exit(1)
}
